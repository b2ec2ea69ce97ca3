/** Meta's templates as a `TemplateSource`: reads only; creating and changing them is not here. */
import type { TemplateSource } from '../../plugin/core/ports/templates.ts'
import { TIMES, type Times } from '../../plugin/core/rules.ts'
import type { ListedTemplate } from '../../plugin/core/templates/model.ts'
import type { HttpClient } from '../http/types.ts'
import { createGraph } from './graph-call.ts'
import { listTemplates } from './management.ts'

export function createTemplateSource(deps: { http: HttpClient; times?: Pick<Times, 'graphCallMs'> }): TemplateSource {
  const graph = createGraph({ http: deps.http, times: deps.times ?? TIMES })
  return {
    list: (access, wabaId) => listTemplates(graph, access, wabaId),

    async named(access, wabaId, name) {
      const found: ListedTemplate[] = []
      for await (const page of listTemplates(graph, access, wabaId, name)) {
        // Graph also finds names that only contain the one asked for.
        found.push(...page.filter(template => template.name === name))
      }
      return found
    }
  }
}
