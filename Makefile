# Everything is in scripts/; each target says what it does and how long it took.
.DEFAULT_GOAL := help
.PHONY: help demo serve stop test generate format bench kills soak conformance fuzz isolation eval hostile rolling tutorial revocation plans outages failover

help: ## Lists the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Does the main job on the embedded default, from upload to cited answer, a SIGKILL in the middle; then stops everything.
	@scripts/demo.sh

serve: ## Builds, starts a server, prints its addresses and a first key, and leaves it running.
	@scripts/serve.sh

stop: ## Stops the server that `make serve` started.
	@scripts/serve.sh stop

test: ## Installs what is missing, runs every test, prints line coverage.
	@scripts/test.sh

generate: ## Runs all code generators; the committed files must come out unchanged.
	@scripts/generate.sh

format: ## Formats every Swift file.
	@find Package.swift Sources Tests Examples Benchmarks codegen fuzz -name '*.swift' -not -path '*/Generated/*' -not -path '*/.build*' -print0 \
	    | xargs -0 swift format -i --parallel

bench: ## Measures RPC, the codec and the database; counts of allocations and instructions have thresholds.
	@for script in scripts/bench-*.sh; do echo "== $$script"; "$$script" || exit 1; done

kills: ## Kills ragdzd 100 times at random moments of runs and checks that none is lost, doubled or stranded.
	@scripts/kill-test.sh 100

conformance: ## Runs the official conformance suites in full.
	@for script in scripts/conformance-*.sh; do echo "== $$script"; "$$script" || exit 1; done

fuzz: ## Fuzzes each target of fuzz/ for a minute, with the address sanitiser.
	@scripts/fuzz.sh 60

isolation: ## Calls every method 200,000 times in all as tenants after each other's data, the database crashing under it.
	@scripts/isolation.sh

plans: ## Plans every statement beside 5,000 tenants with 40 rows each in every table: no table is read whole.
	@. scripts/runtime-env.sh; RAGDZ_TESTS=Postgres RAGDZ_PLAN_TENANTS=5000 RAGDZ_PLAN_ROWS=40 swift test --filter PlanTests

outages: ## Pauses, kills and starves the database under load, ten times over.
	@. scripts/runtime-env.sh; RAGDZ_TESTS=Integration RAGDZ_OUTAGE_ROUNDS=10 swift test --filter OutageTests

failover: ## Kills the primary under a running server, lets it find the standby, promotes that; no refused write may be stored.
	@scripts/failover.sh

hostile: ## Answers 5,000 questions from a model endpoint that lies, and checks every citation.
	@scripts/hostile-model.sh

rolling: ## Restarts two servers in turn for two minutes under load of every call type; no call may fail.
	@scripts/rolling-restart.sh 120

revocation: ## Four servers on one database under load: how fast a revocation reaches them, and one limit kept by all.
	@scripts/revocation.sh

tutorial: ## Does what docs/tutorial.md says, in a package of its own, and compares what comes out.
	@scripts/tutorial-test.sh

soak: ## Mixed calls for 20 minutes; no healthy call may fail and memory must stay flat.
	@scripts/soak.sh 20

eval: ## Measures search and the evidence gate on the sets of evaluation/, beside PostgreSQL's own full-text search.
	@scripts/eval.sh
