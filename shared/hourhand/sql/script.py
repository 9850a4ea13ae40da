"""Builds the one SQL text that brings a database to this version of the schema.

The text is a single DO statement. One statement is one transaction whatever runs it (psycopg, psql, the
Supabase CLI or its SQL editor), so a half-applied schema cannot exist. It may be run any number of times,
and by several at once: it takes a lock first and then runs only what is missing. The table
`hourhand.migrations` keeps what was applied; version 0 stands for functions, triggers and grants together.
Whoever runs it, everything belongs to the owner of the schema.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from itertools import chain
from pathlib import Path

HERE = Path(__file__).parent
FUNCTIONS_VERSION = 0
TRIGGERS = "triggers.sql"
GRANTS = "grants.sql"


@dataclass(frozen=True)
class Migration:
    """A file `migrations/NNNN_name.sql`; never changed once it has been released."""

    version: int
    name: str
    path: Path

    @property
    def sql(self) -> str:
        return _text(self.path)

    @property
    def label(self) -> str:
        return f"{self.version:04}_{self.name}"

    @cached_property
    def checksum(self) -> str:
        return _digest([self.sql])


@dataclass(frozen=True)
class Schema:
    """All SQL of one version of hourhand. A daemon keeps none of it in memory: files are read when needed."""

    migrations: tuple[Migration, ...]
    directory: Path
    release: str = field(default_factory=lambda: _release(version("hourhand")))
    """Of the package, as `1.2.3`: functions never go back to those of an earlier one."""

    @property
    def version(self) -> int:
        return self.migrations[-1].version

    @property
    def functions(self) -> Iterator[str]:
        """The text of each file of functions, then the triggers: all applied anew when any changes."""
        for path in (*sorted((self.directory / "functions").glob("*.sql")), self.directory / TRIGGERS):
            if path.exists():
                yield _text(path)

    @property
    def grants(self) -> str:
        """Applied each time: what others have opened meanwhile is closed again."""
        path = self.directory / GRANTS
        return _text(path) if path.exists() else ""

    @cached_property
    def functions_hash(self) -> str:
        return _digest(chain(self.functions, [self.grants]))


def read(directory: Path = HERE) -> Schema:
    """The schema from its files. Raises ValueError for a file name or numbering that cannot be."""
    migrations = tuple(_migration(path) for path in sorted((directory / "migrations").glob("*.sql")))
    versions = [migration.version for migration in migrations]
    # Gaps are fine: numbers are given out before the files that take them are ready.
    if not versions or versions[0] != 1 or len(set(versions)) < len(versions):
        raise ValueError(f"migrations have to be numbered from 1, each number once, not {versions}")
    return Schema(migrations, directory)


def _release(text: str) -> str:
    found = re.match(r"\d+(\.\d+)*", text)
    return found[0] if found else "0"


def script(schema: Schema) -> str:
    """The SQL text; the same text for the same schema."""
    return "".join(_lines(schema))


def _migration(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    if not (number.isdecimal() and len(number) == 4 and name):
        raise ValueError(f"{path.name} is not named NNNN_name.sql")
    return Migration(int(number), name, path)


def _text(path: Path) -> str:
    # Universal newlines: a checkout with CRLF has the same checksums.
    return path.read_text(encoding="utf-8").strip() + "\n"


def _digest(texts: Iterable[str]) -> str:
    digest, between = sha256(), b""
    for text in texts:
        digest.update(between + text.encode())
        between = b"\0"
    return digest.hexdigest()[:32]


def _lines(schema: Schema) -> Iterator[str]:
    body = _PREPARE + _CHECK.format(known=_known(schema), release=schema.release)
    body += "".join(map(_step, schema.migrations))
    body += _FUNCTIONS.format(
        version=FUNCTIONS_VERSION,
        hash=schema.functions_hash,
        release=schema.release,
        texts=",\n".join(map(quote, schema.functions)),
        names=", ".join(f"'{name}'" for name in sorted(_function_names(schema))),
    )
    body += f"  execute {quote(schema.grants)};\n\n" if schema.grants.strip() else ""
    body += _FINISH
    tag = _free_tag(body)
    yield f"-- hourhand: schema version {schema.version}, functions {schema.functions_hash}\n"
    yield f"do {tag}\n{body}{tag};\n"


def _function_names(schema: Schema) -> set[str]:
    texts = [*schema.functions, *(migration.sql for migration in schema.migrations)]
    return {name for text in texts for name in re.findall(r"create (?:or replace )?function ([\w.]+)", text)}


def _known(schema: Schema) -> str:
    rows = (f"({m.version}, '{m.name}', '{m.checksum}')" for m in schema.migrations)
    return ", ".join(rows)


def _step(migration: Migration) -> str:
    return _MIGRATION.format(
        version=migration.version,
        name=migration.name,
        checksum=migration.checksum,
        text=quote(migration.sql),
    )


def quote(text: str) -> str:
    """The text as a dollar-quoted literal, with a tag that does not occur in it."""
    tag = _free_tag(text)
    return f"{tag}\n{text}{tag}"


def _free_tag(text: str) -> str:
    number = 0
    while f"$hourhand_{number}$" in text:
        number += 1
    return f"$hourhand_{number}$"


_PREPARE = """\
declare
  -- Whoever runs this text inside a transaction of their own gets these back as they were.
  v_settings jsonb := (
    select jsonb_object_agg(name, current_setting(name))
    from unnest(array['check_function_bodies', 'lock_timeout', 'role', 'search_path']) as name
  );
  v_changed boolean := false;
  v_owner text;
  v_before oid[];
  v_text text;
  v_row record;
begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception using errcode = 'HH004',
      message = format('hourhand needs Postgres 15 or newer; this is %s', current_setting('server_version')),
      hint = 'Use a newer server.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('hourhand.migrate', 0));
  -- Functions may call others that come later in the alphabet.
  perform set_config('check_function_bodies', 'off', true);
  -- Everything is written with its schema.
  perform set_config('search_path', 'pg_catalog', true);
  -- Who waits for a table lock makes everyone else wait behind it: rather give up and come again.
  perform set_config('lock_timeout', '3s', true);

  if to_regnamespace('hourhand') is null then
    create schema hourhand;
  end if;
  -- Functions run with the rights of their owner, so it has to stay the same one whoever migrates.
  select pg_get_userbyid(nspowner) into v_owner from pg_namespace where nspname = 'hourhand';
  if v_owner <> current_user then
    begin
      perform set_config('role', v_owner, true);
    exception when insufficient_privilege then
      raise exception using errcode = 'HH003',
        message = format('the schema hourhand belongs to %s, and this was run by %s', v_owner, current_user),
        hint = format('Run it as %s, or as a member of that role.', v_owner);
    end;
  end if;
  if to_regclass('hourhand.migrations') is null then
    create table hourhand.migrations (
      version int primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default clock_timestamp()
    );
    alter table hourhand.migrations enable row level security;
  end if;

"""

_CHECK = """\
  for v_row in
    select applied.version, applied.name, known.version is null as newer
    from hourhand.migrations as applied
    left join (values {known}) as known (version, name, checksum) on known.version = applied.version
    where applied.version > 0 and known.checksum is distinct from applied.checksum
    order by applied.version
    limit 1
  loop
    if v_row.newer then
      raise exception using errcode = 'HH001',
        message = format('the schema has migration %s (%s), which this version of hourhand does not know',
          v_row.version, v_row.name),
        hint = 'It was made by a newer version: upgrade this package.';
    end if;
    raise exception using errcode = 'HH002',
      message = format('migration %s (%s) was applied with a different text', v_row.version, v_row.name),
      hint = 'A released migration never changes: use the package that made this schema, or a new database.';
  end loop;
  for v_row in
    select split_part(name, ' ', 2) as release from hourhand.migrations
    where version = 0 and name ~ '^functions [0-9.]+$'
      and string_to_array(split_part(name, ' ', 2), '.')::int[] > string_to_array('{release}', '.')::int[]
  loop
    raise exception using errcode = 'HH001',
      message = format('the functions are those of hourhand %s, and this is %s', v_row.release, '{release}'),
      hint = 'They were made by a newer version: upgrade this package.';
  end loop;

"""

_MIGRATION = """\
  if not exists (select from hourhand.migrations where version = {version}) then
    execute {text};
    insert into hourhand.migrations (version, name, checksum) values ({version}, '{name}', '{checksum}');
    v_changed := true;
  end if;

"""

_FUNCTIONS = """\
  if v_changed or not exists (
    select from hourhand.migrations where version = {version} and checksum = '{hash}'
  ) then
    v_before := array(
      select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('hourhand', 'hourhand_parts')
    );
    foreach v_text in array array[
{texts}
    ]::text[] loop
      begin
        execute v_text;
      exception when invalid_function_definition then
        -- The same types of parameters with another answer, or by other names: this cannot be replaced.
        for v_row in
          select oid::regprocedure as name from pg_proc
          where oid = any(v_before)
            and format('%s.%s', pronamespace::regnamespace, proname)
              = substring(v_text from 'function ([[:alnum:]_.]+)')
        loop
          execute format('drop function %s', v_row.name);
        end loop;
        execute v_text;
      end;
    end loop;
    -- With other types it is another function, and callers by name could not choose. What only functions of
    -- before have called goes with them; what is called from outside stays, for the programs of before.
    for v_row in
      select old.oid::regprocedure as name from pg_proc old
      where old.oid = any(v_before) and (
        exists (
          select from pg_proc new
          where new.pronamespace = old.pronamespace and new.proname = old.proname and new.oid <> all(v_before)
        )
        or old.pronamespace = to_regnamespace('hourhand_parts')
          and format('hourhand_parts.%s', old.proname) <> all(array[{names}]::text[])
      )
    loop
      execute format('drop function %s', v_row.name);
    end loop;
    insert into hourhand.migrations (version, name, checksum)
    values ({version}, 'functions {release}', '{hash}')
    on conflict (version) do update
    set name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at;
  end if;

"""

_FINISH = """\
  perform set_config(key, value, true) from jsonb_each_text(v_settings);
  -- PostgREST caches the schema.
  perform pg_notify('pgrst', 'reload schema');
end
"""
