#!/usr/bin/env bash
# with-lab.sh COMMAND...: runs a command beside a lab of its own, one cluster
# without istiods, whose kubeconfig is $SETUP_MESH_TEST_KUBECONFIG. The lab ends
# with the command, however that ends, since it lives as long as the pipe that
# this script holds open.
set -euo pipefail
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/bin/lab
dir=$(mktemp -d "${TMPDIR:-/tmp}/setup-mesh-test.XXXXXX")

cleanup() {
	exec 3>&-
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkfifo "$dir/alive" "$dir/up"
"$lab" up --foreground --clusters 1 --istiods=false --dir "$dir/lab" <"$dir/alive" >"$dir/up" &
exec 3>"$dir/alive"
read -r _ <"$dir/up" || { echo "with-lab.sh: error: the lab did not start" >&2; exit 1; }

SETUP_MESH_TEST_KUBECONFIG=$dir/lab/kubeconfig "$@" 3>&-
