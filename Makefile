.PHONY: check fix test audit mutants wheel bench

check:            ## lint, format, types, import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports

fix:              ## let ruff mend what it can
	ruff check --fix .
	ruff format .

test:             ## the project's own tests
	pytest

audit:            ## every kata's grader, proved in both directions, mutants included
	dojo audit --strict
	dojo audit --strict --worker
	dojo audit --mutants

wheel:            ## build the wheel and use it away from the clone
	bash .ci/wheel

bench:            ## the times a learner feels, each beside its floor
	python benchmarks/bench.py
