// The outline of `GET /__desk-view`; its rows are read field by field in `read-desk`.

export interface DeskViewWire {
  inboxes: Record<string, unknown>[]
  conversations: Record<string, unknown>[]
}
