"""What a database contains, to compare two of them."""

import psycopg

# Everything the schema's owner made: names, definitions and rights; never ids and times.
_RIGHTS = "(select string_agg(a::text, ' ' order by a::text) from unnest(coalesce({}, acldefault({}))) a)"
QUERIES = {
    "relations": "select n.nspname, relname, relkind, relrowsecurity, "
    + _RIGHTS.format("relacl", "case relkind when 'S' then 's' else 'r' end::\"char\", relowner")
    + " from pg_class c"
    " join pg_namespace n on n.oid = relnamespace where n.nspname like 'hourhand%' order by 1, 2",
    "columns": "select attrelid::regclass::text, attnum, attname, atttypid::regtype::text, attnotnull,"
    " pg_get_expr(adbin, adrelid) from pg_attribute join pg_class c on c.oid = attrelid"
    " join pg_namespace n on n.oid = relnamespace left join pg_attrdef on adrelid = attrelid and adnum = attnum"
    " where n.nspname like 'hourhand%' and attnum > 0 order by 1, 2",
    "constraints": "select conrelid::regclass::text, conname, pg_get_constraintdef(c.oid) from pg_constraint c"
    " join pg_namespace n on n.oid = connamespace where n.nspname like 'hourhand%' order by 1, 2, 3",
    "indexes": "select schemaname, indexname, indexdef from pg_indexes where schemaname like 'hourhand%' order by 1, 2",
    "functions": "select pg_get_functiondef(p.oid), "
    + _RIGHTS.format("proacl", "'f', proowner")
    + " from pg_proc p"
    " join pg_namespace n on n.oid = pronamespace where n.nspname like 'hourhand%' order by 1",
    "triggers": "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger"
    " where not tgisinternal order by 1, 2",
    "policies": "select schemaname, tablename, policyname, roles::text, cmd, qual, with_check from pg_policies order by 1, 2, 3",
    "schemas": "select nspname, "
    + _RIGHTS.format("nspacl", "'n', nspowner")
    + " from pg_namespace where nspname like 'hourhand%' order by 1",
    "applied": "select version, name, checksum from hourhand.migrations order by 1",
}


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in QUERIES.items()}
