# shellcheck shell=bash
# Progress lines with the seconds since the first script of this command started. Sourced by every script here.
#
# The clock is handed down in the environment, so that a script called by another goes on counting where its caller is.
export SHAPEBENCH_CLOCK=${SHAPEBENCH_CLOCK:-$(date +%s)}

# say TEXT: one progress line. On standard error, so that a function may answer on standard output.
say() { printf '[%4ds] %s\n' $(($(date +%s) - SHAPEBENCH_CLOCK)) "$*" >&2; }

# fail TEXT: says what is wrong and ends the script.
fail() {
  say "error: $*"
  exit 1
}

# quietly LOG COMMAND...: runs a noisy command; its output goes to LOG, whose end is shown if the command fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return
  tail -n 30 "$log" >&2
  fail "'$1' failed; its whole output: $log"
}
