// Options: one schema for the plugin, the environment, `--help` and the docs. What is wrong says so in words that help.
import t from 'tap'
import { type ErrorCode, PuenteError } from '../../plugin/core/errors.ts'
import { listOptions, optionsFromEnvironment, optionsSchema, readOptions } from '../../plugin/options.ts'

/** The lines of the one error; fails when nothing is wrong. */
function problemsOf(input: object): string[] {
  try {
    readOptions(input)
  } catch (error) {
    if (!(error instanceof PuenteError)) throw error
    const code: ErrorCode = 'config_invalid'
    if (error.code !== code) throw error
    return String(error.facts['problems']).split('\n')
  }
  throw new Error('nothing was found wrong')
}

t.test('without any option there is a full set of defaults', async t => {
  t.match(readOptions({}), {
    host: '127.0.0.1',
    port: 8420,
    dataDir: '.puente',
    graphUrl: 'https://graph.facebook.com',
    sandbox: 'auto',
    deskCeiling: 8,
    chatwootOrigins: [],
    mediaOrigins: [],
    logLevel: 'info',
    metrics: true
  })
  const options = readOptions({})
  for (const name of ['publicUrl', 'databaseUrl', 'redisUrl', 'masterKey', 'masterKeyFile', 'ffmpeg'] as const) {
    t.equal(options[name], undefined, `${name} has no constant for a default`)
  }
  t.match(options.graphVersion, /^v\d+\.\d+$/)
})

t.test('a wrong option names itself, what it got and what it wants', async t => {
  const cases: [string, unknown, RegExp][] = [
    ['port', 70_000, /^port \(PUENTE_PORT\): got 70000; .*65535/],
    ['port', 'eighty', /^port \(PUENTE_PORT\): got "eighty"; .*number/],
    ['port', 80.5, /^port \(PUENTE_PORT\): got 80\.5; must be a whole number/],
    ['host', '', /^host \(PUENTE_HOST\): got ""; /],
    ['publicUrl', 'chat.example.com', /^publicUrl \(PUENTE_PUBLIC_URL\): got .*; must be a web address/],
    ['databaseUrl', 'mysql://db/x', /^databaseUrl \(PUENTE_DATABASE_URL\): got .*; must begin with postgres:\/\//],
    ['redisUrl', 'http://cache', /^redisUrl \(PUENTE_REDIS_URL\): got .*; must begin with redis:\/\/ or rediss:\/\//],
    ['graphVersion', '25', /^graphVersion \(PUENTE_GRAPH_VERSION\): got "25"; must look like v25\.0/],
    ['sandbox', 'maybe', /^sandbox \(PUENTE_SANDBOX\): got "maybe"; .*"auto".*"on".*"off"/],
    ['deskCeiling', 0, /^deskCeiling \(PUENTE_DESK_CEILING\): got 0; .*1/],
    [
      'mediaOrigins',
      'files.example.com',
      /^mediaOrigins \(PUENTE_MEDIA_ORIGINS\): got "files\.example\.com"; must be origins/
    ],
    ['logLevel', 'loud', /^logLevel \(PUENTE_LOG_LEVEL\): got "loud"; .*"info"/],
    ['metrics', 'yes', /^metrics \(PUENTE_METRICS\): got "yes"; must be on or off/]
  ]
  for (const [name, value, message] of cases) {
    const problems = problemsOf({ [name]: value })
    t.equal(problems.length, 1, `${name} is the only one`)
    t.match(problems[0], message)
  }
})

t.test('all that is wrong is told at once', async t => {
  const problems = problemsOf({ port: -1, sandbox: 'perhaps', colour: 'red' })
  t.equal(problems.length, 3)
  for (const name of ['port', 'sandbox', 'colour']) {
    t.ok(
      problems.some(problem => problem.startsWith(name)),
      name
    )
  }
})

t.test('a name that does not exist is an error that lists those that do', async t => {
  const [problem] = problemsOf({ databseUrl: 'postgres://db/x' })
  t.match(problem, /^databseUrl: there is no such option \(known: .*\bdatabaseUrl\b.*\)$/)
  t.doesNotThrow(() => readOptions({ prefix: '/whatsapp' }, ['prefix']), 'unless the caller knows it')
})

t.test('secrets are never shown, neither wrong nor beside something wrong', async t => {
  const secret = 'hunter2-correct-horse'
  const wrong: object[] = [
    { databaseUrl: `mysql://puente:${secret}@db/puente` },
    { redisUrl: `http://:${secret}@cache` },
    { publicUrl: `ftp://user:${secret}@host` },
    { graphUrl: `ftp://user:${secret}@host` },
    { masterKey: { secret } },
    { masterKeyFile: [secret] },
    { masterKey: secret, port: 'x' },
    { databaseUrl: `postgres://puente:${secret}@db/puente`, redisUrl: `redis://:${secret}@cache`, sandbox: 'x' }
  ]
  for (const input of wrong) {
    const text = problemsOf(input).join('\n')
    t.notMatch(text, /hunter2/, Object.keys(input).join(', '))
  }
  t.match(problemsOf({ databaseUrl: 'mysql://x' })[0], /got a string of 9 characters/)
})

t.test('every option has its own variable, and the variable sets it', async t => {
  const rows = listOptions()
  t.same(
    rows.map(row => row.name),
    Object.keys(optionsSchema.shape)
  )
  t.equal(new Set(rows.map(row => row.env)).size, rows.length, 'no two share one')
  for (const row of rows) {
    const expected = `PUENTE_${row.name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
    t.equal(row.env, expected)
    t.ok(row.about.length > 5 && row.fallback !== '', `${row.name} says what it means and what it is without`)
    t.same(optionsFromEnvironment({ [row.env]: 'x' }), { [row.name]: 'x' })
  }
})

t.test('the environment gives texts, the plugin gives values: both end as the same options', async t => {
  const fromEnvironment = readOptions(
    optionsFromEnvironment({
      PUENTE_PORT: '9000',
      PUENTE_PUBLIC_URL: 'https://chat.example.com/bridge/',
      PUENTE_DESK_CEILING: '3',
      PUENTE_METRICS: 'off',
      PUENTE_MEDIA_ORIGINS: 'https://files.example.com/a, http://10.0.0.5:9000',
      PUENTE_SANDBOX: 'off',
      PATH: '/usr/bin'
    })
  )
  const fromPlugin = readOptions({
    port: 9000,
    publicUrl: 'https://chat.example.com/bridge',
    deskCeiling: 3,
    metrics: false,
    mediaOrigins: ['https://files.example.com', 'http://10.0.0.5:9000'],
    sandbox: 'off'
  })
  t.same(fromEnvironment, fromPlugin)
})

t.test('an empty variable counts as not set, and foreign variables are not ours', async t => {
  t.same(optionsFromEnvironment({ PUENTE_PORT: '', PUENTE_REDIS_URL: '', HOME: '/root', PUENTE_COLOUR: 'red' }), {})
})
