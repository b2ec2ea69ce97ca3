import type { Scenario } from './scenario.ts'

export const DUPLICATE_ROWS: Scenario[] = []
