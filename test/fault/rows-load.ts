import type { Scenario } from './scenario.ts'

export const LOAD_ROWS: Scenario[] = []
