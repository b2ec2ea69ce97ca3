import type { Scenario } from './scenario.ts'

export const HOSTILE_ROWS: Scenario[] = []
