.DEFAULT_GOAL := help
.PHONY: help check test bench up lock jobs-tick example

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

check: ## Format, lint, types, import contracts
	uv run ruff format --check .
	uv run ruff check .
	uv run mypy
	uv run pyright
	uv run lint-imports

test: ## The whole test-suite
	uv run pytest

bench: ## Benchmarks, each beside a raw SQL loop in the same run
	uv run python -m benchmarks

up: ## Everything in the foreground, on an embedded Postgres
	uv run hourhand up

lock: ## requirements.lock: versions and hashes for production, without index addresses
	uv export --quiet --no-dev --no-emit-project --no-header --no-annotate --output-file requirements.lock

jobs-tick: ## The five jobs of the example news now, one after another, and a summary
	uv run python -m examples.news tick

example: ## Run an example from start to finish: make example NAME=news
	uv run python -m examples.$(NAME)
