"""What row-level security costs each hot statement; see bench-rls.sh.

Each statement of sql/queries runs prepared, as the unit that the driver sends: identity, statement and sync in one. It runs as
ragdz_app under row-level security and as a role that is bound to no tenant, there with the tenant as a parameter, with the same
ids and in turns of ten. What is compared is the CPU time of the servers' processes, turn by turn, which other work on the machine
changes little; the tax is the median of these ratios. A twin of the unbound role's connection takes part in the turns: what it
seems to cost more or less than its twin is noise. Where the system lets us, the instructions of a unit outside of the kernel are
counted too, one by one: these have no noise. Both roles are bound by what limits rows to groups, which is no matter of tenants;
the last column says what that costs, beside a role that nothing binds.
"""
import hashlib
import os
import pathlib
import platform
import random
import re
import statistics
import sys

from postgres_wire import SYNC, Connection, execution

FOLDER, DATABASE, TENANTS, ROWS, ROUNDS, COUNT = (sys.argv[1], sys.argv[2], *(int(number) for number in sys.argv[3:7]))
TURN = 10
# Microseconds: longer units are not counted, at some microseconds for each instruction.
COUNTED = 500 if platform.machine() == "x86_64" else 0
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
# Some statements name the tenant themselves, and policies look at that.
OF = lambda t: {"tenant": identifier("t", t)}

# statement: its parameters for row n of tenant t, and what to change where the text leaves the tenant to the policy alone: as one
# would write it without policies.
SECRETS = ("where key_id = k.key_id", "where tenant_id = k.tenant_id and key_id = k.key_id")
SHELVES = ("where collection_id = c.id", "where tenant_id = c.tenant_id and collection_id = c.id")
HOT = {
    "keys.findKey": (KEY,),
    "keys.getKey": (KEY, ("where k.key_id", "where k.tenant_id = {tenant} and k.key_id"), SECRETS),
    "keys.listKeys": (lambda t, n: {"after_time": "-infinity", "after_id": "", **PAGE}, SECRETS),
    "keys.touchKey": (KEY, ("where key_id", "where tenant_id = {tenant} and key_id")),
    "keys.leaseRates": (lambda t, n: {
        "subjects": "{bench}", "rules": "{minute}", "intervals": "{1000}", "bursts": "{1000000}", "wanted": "{10}",
        "paces": "{1}", "returned": "{0}", "at_nanos": n},),
    "tenancy.getOwnTenant": (lambda t, n: {},),
    "retrieval.findCollections": (lambda t, n: {"ids": array(some(t, n, 3)), "names": "{}", **OF(t)}, SHELVES),
    "retrieval.listCollections": (lambda t, n: {"after_name": "", "after_id": ZERO, **PAGE}, SHELVES),
    "retrieval.findDocument": (ONE,),
    "retrieval.findDocumentText": (ONE,),
    "retrieval.listDocuments": (lambda t, n: {"collection_id": PARENT(t, n), "after_id": ZERO, **PAGE},),
    "retrieval.findDocumentParts": (lambda t, n: {
        "numbers": array(range(10)), "document_ids": array(some(t, n)), "starts": array([0] * 10),
        "ends": array([4] * 10), **OF(t)},),
    "retrieval.findChunks": (lambda t, n: {"chunk_ids": array(some(t, n)), **OF(t)},),
    "retrieval.searchChunks": (lambda t, n: {
        "query_vector": "[1,2,3]", "lexemes": array([f"a{n}", f"b{n}"]), "terms": "{1,2}", "weights": "{1,1}",
        "language": "fr", "model": "m", "left_out": "{}", "only_model": "false", "collections": None, "languages": None, "documents": None, "filter_path": None,
        "filter_values": None, "known_version": None, "with_shared": "false", "candidates": 50, "result_limit": 10,
        "lexical_weight": 0.3, "rank_weight": 0.1, "foreign_coverage": 0.2},),
    "workflows.newestDefinition": (lambda t, n: {"name": f"x{t}y{n}"},),
    "workflows.getRun": (ONE,),
    "workflows.listRuns": (lambda t, n: {"before_id": LAST, "status": 0, **PAGE},),
    "workflows.runPosition": (ONE,),
    "workflows.eventsAfter": (lambda t, n: {"run_id": PARENT(t, n), "after_sequence": 0, **PAGE},),
    "workflows.lockRun": (ONE,),
    "workflows.stepStates": (lambda t, n: {"run_id": PARENT(t, n)},),
    "workflows.setRunOutput": (lambda t, n: {"output": "{}", **ONE(t, n)},),
    "workflows.claimDueSteps": (lambda t, n: {"owner": ZERO, "wanted": 2, "lease_micros": 1_000_000},),
    "streams.streamMessages": (lambda t, n: {"id": PARENT(t, n)},),
}


WRITES = {"keys.touchKey", "keys.leaseRates", "workflows.setRunOutput", "workflows.claimDueSteps"}


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


def connect(role, sql):
    connection = Connection(FOLDER, role, DATABASE)
    # What the driver asks for when it connects.
    connection.run(f"set ragdz.tenant = '{ZERO}'; set synchronous_commit = off; set plan_cache_mode = {PLANS}")
    connection.prepare("identity", "select set_config('ragdz.tenant', $1, true)")
    connection.prepare("hot", sql)
    os.sched_setaffinity(connection.pid, {max(os.sched_getaffinity(0))})
    return connection


def unbound(name, sql, names):
    """The statement with the tenant as a parameter, and whether it has one."""
    mark = f"${len(names) + 1}::uuid"
    bare = sql.replace("(select ragdz.visible_tenant())", mark).replace("ragdz.visible_tenant()", mark)
    for written, meant in HOT[name][1:]:
        assert written in bare, name
        bare = bare.replace(written, meant.format(tenant=mark))
    return bare, mark in bare


def measure(name, sql, names):
    """Microseconds of each role, ratios to the unbound role's turn by turn, and instructions of each role."""
    bare, has_tenant = unbound(name, sql, names)
    roles = {"app": ("ragdz_app", sql, False), "bare": ("ragdz_unbound", bare, has_tenant),
             "twin": ("ragdz_unbound", bare, has_tenant)}
    if name.startswith("retrieval.") and (has_tenant or "tenant" in names):
        roles["free"] = ("ragdz_bypass", bare, has_tenant)
    micros, ratios, counts = ({role: [] for role in roles} for _ in range(3))
    chance = random.Random(7)
    for turn in range(ROUNDS):
        t = turn * 37 % TENANTS + 1
        tenant = identifier("t", t)
        rows = [HOT[name][0](t, (turn + step * 11) % ROWS + 1) for step in range(COUNT)]
        assert not set(rows[0]) ^ set(names), set(rows[0]) ^ set(names)
        connections = {role: connect(user, text) for role, (user, text, _) in roles.items()}
        units = {role: [execution("identity", [tenant])
                        + execution("hot", [row[key] for key in names] + ([tenant] if extra else [])) + SYNC for row in rows]
                 for role, (_, _, extra) in roles.items()}
        found = {role: connections[role].call(units[role][:100]) for role in roles}
        # Two hundred writes more have been made by then, or steps claimed, but a page is a page.
        assert len(set(found.values())) == 1 or name in WRITES, f"{name}: not the same rows: {found}"
        for place in range(0, COUNT, TURN):
            spent = {}
            # In any order: whoever comes after its twin finds the processor's caches warm.
            for role in chance.sample(list(roles), len(roles)):
                connection = connections[role]
                connection.settle()
                before = connection.spent()
                connection.call(units[role][place : place + TURN])
                connection.settle()
                spent[role] = (connection.spent() - before) / TURN / 1000
            for role in roles:
                micros[role].append(spent[role])
                ratios[role].append(2 * spent[role] / (spent["bare"] + spent["twin"]))
        if turn == 0 and statistics.median(micros["bare"]) < COUNTED:
            for role in ("app", "bare"):
                number = connections[role].instructions(units[role][0])
                counts[role] += [number] if number else []
        for connection in connections.values():
            connection.close()
    return [{role: statistics.median(values[role]) for role in roles if values[role]} for values in (micros, ratios, counts)]


def percent(ratio):
    return f"{100 * (ratio - 1):+6.1f} %"


def main():
    texts = statements()
    missing = set(HOT) - set(texts)
    assert not missing, missing
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{'CPU of a unit, us':30} {'bare':>8} {'RLS':>8} {'tax':>9} {'noise':>9} {'instructions':>13} {'RLS':>8} {'tax':>9}"
          f"   bar: {BAR:.0f} %; groups")
    within = [0, 0]
    names = [name for name in HOT if ONLY in name]
    for name in names:
        micros, ratios, counts = measure(name, *texts[name])
        held = ratios["app"] - 1 <= BAR / 100
        line = f"{name:30} {micros['bare']:8.2f} {micros['app']:8.2f} {percent(ratios['app']):>9} {percent(ratios['twin']):>9}"
        line += " " * 33
        if counts:
            tax = counts["app"] / counts["bare"]
            within[1] += tax - 1 <= BAR / 100
            line = line[:-33] + f" {counts['bare']:13.0f} {counts['app']:8.0f} {percent(tax):>9}"
        groups = f"   groups {percent(1 / ratios['free'])}" if "free" in ratios else ""
        print(f"{line}   {'held' if held else 'OVER'}{groups}", flush=True)
        within[0] += held
    print(f"{within[0]} of {len(names)} statements within {BAR:.0f} % by time, {within[1]} by instructions")


main()
