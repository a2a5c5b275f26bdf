"""What row-level security costs each hot statement; see bench-rls.sh.

Each statement of sql/queries runs prepared, hundreds of times in a row, as ragdz_app under row-level security and as a role
that is bound to no tenant, there with the tenant as a parameter; in turns, with the same ids. What is compared is the CPU time
of the server's process, which other work on the machine does not change much: once of the statement alone, and once of the
unit that the driver sends, which is identity, statement and sync in a pipeline. Both are bound by what limits rows to groups,
which is no matter of tenants; the last column says what that costs, beside a role that nothing binds.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

PSQL, FOLDER, DATABASE, TENANTS, ROWS, ROUNDS, COUNT = (
    sys.argv[1], sys.argv[2], sys.argv[3], *(int(number) for number in sys.argv[4:8]))
BAR = 5.0
PLANS = os.environ.get("PLANS", "force_generic_plan")
ONLY = os.environ.get("ONLY", "")


def identifier(*parts):
    digest = hashlib.md5("".join(str(part) for part in parts).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def array(values):
    return "{" + ",".join(str(value) for value in values) + "}"


def some(t, n, count=10):
    return [identifier(t, "x", (n * 7 + step * 13) % ROWS + 1) for step in range(count)]


ZERO, LAST = "0" * 8 + "-0000-0000-0000-" + "0" * 12, "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12
ONE = lambda t, n: {"id": identifier(t, "x", n)}
PARENT = lambda t, n: identifier(t, "x", 1 + n % 10)
KEY = lambda t, n: {"key_id": f"x{t}y{n}"}
PAGE = {"page_size": 20}

# statement: its parameters for row n of tenant t, what to change where the text has no tenant, whether it writes.
HOT = {
    "keys.findKey": (KEY, None),
    "keys.getKey": (KEY, ("where k.key_id", "where k.tenant_id = {tenant} and k.key_id")),
    "keys.listKeys": (lambda t, n: {"after_time": "-infinity", "after_id": "", **PAGE},
                      ("where (k.create_time", "where k.tenant_id = {tenant} and (k.create_time")),
    "keys.touchKey": (KEY, ("where key_id", "where tenant_id = {tenant} and key_id")),
    "keys.leaseRates": (lambda t, n: {
        "subjects": "{bench}", "rules": "{minute}", "intervals": "{1000}", "bursts": "{1000000}", "wanted": "{10}",
        "paces": "{1}", "returned": "{0}", "at_nanos": n}, None),
    "tenancy.getTenant": (lambda t, n: {"tenant_id": identifier("t", t)}, None),
    "retrieval.findCollections": (lambda t, n: {"ids": array(some(t, n, 3)), "names": "{}"}, None),
    "retrieval.listCollections": (lambda t, n: {"after_name": "", "after_id": ZERO, **PAGE}, None),
    "retrieval.findDocument": (ONE, None),
    "retrieval.findDocumentText": (ONE, None),
    "retrieval.listDocuments": (lambda t, n: {"collection_id": PARENT(t, n), "after_id": ZERO, **PAGE}, None),
    "retrieval.findDocumentParts": (lambda t, n: {
        "numbers": array(range(10)), "document_ids": array(some(t, n)), "starts": array([0] * 10),
        "ends": array([4] * 10)}, None),
    "retrieval.findChunks": (lambda t, n: {"chunk_ids": array(some(t, n))}, None),
    "retrieval.searchChunks": (lambda t, n: {
        "query_vector": "[1,2,3]", "lexemes": array([f"a{n}", f"b{n}"]), "terms": "{1,2}", "weights": "{1,1}",
        "language": "fr", "model": "m", "collections": None, "languages": None, "documents": None, "filter_path": None,
        "filter_values": None, "known_version": None, "with_shared": "false", "candidates": 50, "result_limit": 10,
        "lexical_weight": 0.3, "rank_weight": 0.1, "foreign_coverage": 0.2}, None),
    "workflows.newestDefinition": (lambda t, n: {"name": f"x{t}y{n}"}, None),
    "workflows.getRun": (ONE, None),
    "workflows.listRuns": (lambda t, n: {"before_id": LAST, "status": 0, **PAGE}, None),
    "workflows.runPosition": (ONE, None),
    "workflows.eventsAfter": (lambda t, n: {"run_id": PARENT(t, n), "after_sequence": 0, **PAGE}, None),
    "workflows.lockRun": (ONE, None),
    "workflows.stepStates": (lambda t, n: {"run_id": PARENT(t, n)}, None),
    "workflows.setRunOutput": (lambda t, n: {"output": "{}", **ONE(t, n)}, None),
    "workflows.claimDueSteps": (lambda t, n: {"owner": ZERO, "wanted": 2, "lease_micros": 1_000_000}, None),
    "streams.streamMessages": (lambda t, n: {"id": PARENT(t, n)}, None),
}


def statements():
    """The texts of sql/queries with numbered parameters, and the parameters' names in order."""
    found = {}
    for path in pathlib.Path("sql/queries").glob("*.sql"):
        for part in re.split(r"^-- name: ", path.read_text(), flags=re.M)[1:]:
            name = part.split()[0]
            text = "\n".join(line for line in part.splitlines()[1:] if not line.startswith("--"))
            names = []

            def number(match):
                if match[1] not in names:
                    names.append(match[1])
                return f"${names.index(match[1]) + 1}"

            text = re.sub(r"(?<![:\w])[:@]([a-z_]+)\??", number, text).strip().rstrip(";")
            found[f"{path.stem}.{name}"] = (re.sub(r' as "(\w+)[!?]"', r' as "\1"', text), names)
    return found


def quoted(value):
    return "''" if value is None else "'" + str(value).replace("'", "''") + "'"


def script(text, names, values, tenant, extra, unit):
    """One session: warm up, then the measured run, between two readings of the process's CPU time."""
    lines = [r"\set QUIET on", r"\set ON_ERROR_STOP on", r"\o /dev/null", "set synchronous_commit = off;",
             f"set plan_cache_mode = {PLANS};", r"select set_config('ragdz.tenant', $1, true) \parse identity",
             text + r" \parse hot"]
    lines += [] if unit else ["begin;", f"select set_config('ragdz.tenant', '{tenant}', true);"]
    calls = []
    for given in values:
        unknown = set(given) ^ set(names)
        assert not unknown, unknown
        call = r"\bind_named hot " + " ".join([quoted(given[name]) for name in names] + ([quoted(tenant)] if extra else []))
        calls += [r"\startpipeline", rf"\bind_named identity '{tenant}' \sendpipeline", call + r" \sendpipeline",
                  r"\endpipeline"] if unit else [call + r" \g"]
    reading = [r"\o", "select pg_read_file('/proc/self/schedstat');", r"\o /dev/null"]
    warm = calls[: 200 if unit else 50]
    return "\n".join(lines + warm + reading + calls + reading + ([] if unit else ["rollback;"])) + "\n"


def run(role, text):
    done = subprocess.run(
        [PSQL, "-XqAth", FOLDER, "-U", role, DATABASE], input=text, capture_output=True, text=True, check=False)
    readings = [int(line.split()[0]) for line in done.stdout.splitlines() if re.fullmatch(r"\d+ \d+ \d+", line.strip())]
    if done.returncode or len(readings) != 2:
        sys.exit(f"as {role}: {done.stderr or done.stdout}\n{text[:800]}")
    return readings[1] - readings[0]


def measure(name, text, names):
    parameters, change = HOT[name]
    # psql binds no NULL, so that a parameter without a value is written as one.
    absent = [key for key, value in parameters(1, 1).items() if value is None]
    for key in absent:
        place = names.index(key) + 1
        text = re.sub(rf"\${place}(?!\d)", "null", text)
        text = re.sub(r"\$(\d+)", lambda m: f"${int(m[1]) - (int(m[1]) > place)}", text)
        names = [other for other in names if other != key]
    mark = f"${len(names) + 1}::uuid"
    bare = text.replace("ragdz.current_tenant()", mark)
    if change:
        assert change[0] in bare, name
        bare = bare.replace(change[0], change[1].format(tenant=mark))
    extra = mark in bare
    least = {}
    for turn in range(ROUNDS):
        t = turn * 37 % TENANTS + 1
        values = [{key: value for key, value in parameters(t, (turn + step * 11) % ROWS + 1).items() if value is not None}
                  for step in range(COUNT)]
        tenant = identifier("t", t)
        roles = [("ragdz_app", text, False), ("ragdz_unbound", bare, extra)]
        if name.startswith("retrieval.") and extra:
            roles.append(("ragdz_bypass", bare, extra))
        for role, each, parameter in roles if turn % 2 else reversed(roles):
            for unit in (False, True):
                # Whatever else the machine does only adds, so the least is nearest to what the statement costs.
                spent = run(role, script(each, names, values, tenant, parameter, unit)) / COUNT / 1000
                least[role, unit] = min(least.get((role, unit), spent), spent)
    return least


def main():
    texts = statements()
    missing = set(HOT) - set(texts)
    assert not missing, missing
    print(f"{'CPU of the server, us':30} {'statement':>10} {'with RLS':>9} {'tax':>8} {'unit':>10} {'with RLS':>9} {'tax':>8}"
          f"   bar: {BAR:.0f} % of the unit; groups")
    over = []
    names = [name for name in HOT if ONLY in name]
    for name in names:
        least = measure(name, *texts[name])
        cells, tax = "", 0
        for unit in (False, True):
            bare, bound = least["ragdz_unbound", unit], least["ragdz_app", unit]
            tax = 100 * (bound / bare - 1)
            cells += f" {bare:10.2f} {bound:9.2f} {tax:6.1f} %"
        free = least.get(("ragdz_bypass", True))
        groups = f"   groups {100 * (least['ragdz_unbound', True] / free - 1):+.1f} %" if free else ""
        print(f"{name:30}{cells}   {'held' if tax <= BAR else 'OVER'}{groups}", flush=True)
        if tax > BAR:
            over.append(name)
    print(f"{len(names) - len(over)} of {len(names)} statements within {BAR:.0f} %")


main()
