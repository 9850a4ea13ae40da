#!/bin/sh
# For a machine that is not always on: everything that has become due since the last time, then no more.
#   laptop/at-login.sh [LOG]
# Settings come from the .env of the project; without DATABASE_URL the embedded database runs meanwhile.
set -u
cd "$(dirname "$0")/../../.." || exit
log=${1:-logs/company-watch.log}
mkdir -p "$(dirname "$log")"
python=${PYTHON:-.venv/bin/python}
{
  echo "== $(date)"
  for step in status enqueue process status; do
    "$python" -m examples.company_watch "$step" || echo "$step ended with $?"
  done
} >>"$log" 2>&1
