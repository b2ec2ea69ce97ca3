// The agent's tab: sessions, pairings, instructions to send, templates and numbers in use, files, keys, hooks, consent.
import type { Knex } from 'knex'

export const name = '003-agents'

/** As everywhere: what holds texts, names, phones or tokens is sealed; credentials are kept as hashes only. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Bearer sessions of agents; the hash of the token is all there is of it.
    create table agent_sessions (
      hash bytea primary key,
      desk_id int not null,
      agent_id bigint not null,
      mode text not null,
      -- Whose desk session it was issued for; a request may only bring that person's.
      uid_hash bytea,
      facts_sealed bytea not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      ended_at timestamptz
    );
    create index agent_sessions_old on agent_sessions (expires_at);

    -- state: waiting, paired, spent, cancelled
    create table pairings (
      id uuid primary key,
      desk_id int not null,
      conversation_id bigint not null,
      agent_id bigint not null,
      code_hash bytea not null unique,
      secret_hash bytea not null,
      state text not null default 'waiting',
      agent_sealed bytea,
      created_at timestamptz not null default now(),
      expires_at timestamptz not null
    );
    create index pairings_old on pairings (expires_at);
    -- Notes with a code, to be deleted in the desk.
    create table pairing_notes (
      number_id int not null,
      conversation_id bigint not null,
      message_id bigint not null,
      tries smallint not null default 0,
      due_at timestamptz not null default now(),
      primary key (number_id, message_id)
    );

    -- What somebody asked to be sent, kept before anything is done about it.
    -- state: stored (no row in the desk yet), written (row known, lane not), queued (the lane's business), failed
    create table instructions (
      id uuid primary key,
      desk_id int not null,
      number_id int not null,
      origin text not null,
      caller text not null,
      key_hash bytea not null,
      body_hash bytea not null,
      agent_id bigint,
      external_ref text,
      sealed bytea not null,
      state text not null default 'stored',
      -- Whose conversation it is about to open (a hash), so that two people do not open two at once.
      opens bytea,
      contact_id bigint,
      source_id text,
      conversation_id bigint,
      message_id bigint,
      -- How far an attempt to write into the desk had come, and the newest message id known before it.
      attempt jsonb,
      attempt_at timestamptz,
      attempts smallint not null default 0,
      lease uuid,
      lease_until timestamptz,
      due_at timestamptz default now(),
      code text,
      facts jsonb,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (caller, key_hash)
    ) with (fillfactor = 80);
    create index instructions_due on instructions (due_at) where due_at is not null;
    create unique index instructions_opening on instructions (number_id, opens)
      where opens is not null and state = 'stored' and conversation_id is null;
    create index instructions_message on instructions (number_id, message_id) where message_id is not null;
    create index instructions_conversation on instructions (number_id, conversation_id);
    create index instructions_ref on instructions (desk_id, external_ref) where external_ref is not null;
    create index instructions_old on instructions (created_at);

    create table template_use (
      desk_id int not null,
      agent_id bigint not null,
      template_id text not null,
      favourite boolean not null default false,
      used_at timestamptz,
      primary key (desk_id, agent_id, template_id)
    );
    create table number_use (
      desk_id int not null,
      agent_id bigint not null,
      number_id int not null,
      used_at timestamptz not null default now(),
      primary key (desk_id, agent_id, number_id)
    );

    -- Uploads (with an end) and documents of the library (without).
    create table files (
      id uuid primary key,
      desk_id int not null,
      agent_id bigint,
      name_sealed bytea not null,
      mime_type text not null,
      size_bytes bigint not null,
      sha256 text not null,
      sends_as text,
      refusal text,
      complete boolean not null default false,
      created_at timestamptz not null default now(),
      expires_at timestamptz
    );
    create index files_old on files (expires_at) where expires_at is not null;
    create table file_chunks (
      file_id uuid not null references files on delete cascade,
      n int not null,
      sealed bytea not null,
      primary key (file_id, n)
    );
    alter table file_chunks alter column sealed set storage external;
    create table library (
      id uuid primary key,
      desk_id int not null,
      agent_id bigint not null,
      kind text not null,
      title_sealed bytea not null,
      url_sealed bytea,
      file_id uuid references files,
      created_at timestamptz not null default now(),
      removed_at timestamptz
    );
    create index library_desk on library (desk_id) where removed_at is null;

    create table api_keys (
      id uuid primary key,
      desk_id int not null,
      name text not null,
      hash bytea not null unique,
      hint text not null,
      created_at timestamptz not null default now(),
      used_at timestamptz,
      revoked_at timestamptz
    );
    create table macro_hooks (
      id uuid primary key,
      desk_id int not null,
      number_id int not null,
      name text not null,
      hash bytea not null unique,
      template_id text not null,
      template_name text not null,
      language text not null,
      slots_sealed bytea not null,
      created_at timestamptz not null default now(),
      used_at timestamptz,
      revoked_at timestamptz
    );

    -- What a customer said about marketing messages, as WhatsApp told it.
    create table consents (
      number_id int not null,
      customer_id bigint not null,
      marketing text not null,
      at timestamptz not null,
      primary key (number_id, customer_id)
    );

    create index bindings_contact on bindings (contact_id);
    create index deliveries_conversation on deliveries (number_id, conversation_id, message_id);
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index deliveries_conversation, bindings_contact;
    drop table consents, macro_hooks, api_keys, library, file_chunks, files, number_use, template_use, instructions,
      pairing_notes, pairings, agent_sessions;
  `)
}
