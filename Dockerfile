# Puente as a container. Written for node:24-slim (glibc); not run where this project is tested, see docs/deployment.md.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production PUENTE_HOST=0.0.0.0 PUENTE_PORT=8420 PUENTE_DATA_DIR=/data
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages come along: pictures and voice notes are converted by them.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY --from=build /app/dist ./dist
COPY README.md CHANGELOG.md LICENSE manifest.json ./
RUN mkdir /data && chown node:node /data && ln -s /app/dist/plugin/cli.js /usr/local/bin/puente && chmod +x dist/plugin/cli.js
USER node
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PUENTE_PORT}/livez`).then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/plugin/cli.js", "serve"]
