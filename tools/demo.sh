#!/usr/bin/env bash
# demo.sh up: three clusters on this machine, made into one mesh by the binary,
# exactly as a user would. demo.sh down: all of it gone. Running up again goes
# on with what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
demo=bin/demo

run() { # shows a command before it runs
	printf '\n$ %s\n' "$*"
	"$@"
}

up() {
	trap 'echo "demo: the clusters are left as they are; make demo-down ends them" >&2' ERR
	if ! bin/lab status --dir "$demo/lab" >/dev/null 2>&1; then
		rm -rf "$demo/mesh"
		mkdir -p "$demo"
		run bin/lab up --clusters 3 --dir "$demo/lab"
	fi
	export KUBECONFIG=$demo/lab/kubeconfig WORKDIR=$demo/mesh
	# The three API servers are on loopback, which is fine only because their
	# istiods are too.
	export SETUP_MESH_ALLOW_LOOPBACK=1

	if [ ! -e "$WORKDIR" ]; then
		mkdir "$WORKDIR"
		run bin/setup-mesh prep --mesh-id mymeshname --org example.com
		run cp examples/simplified-multicluster/topology.yaml "$WORKDIR/topology.yaml"
	fi
	run bin/setup-mesh plan
	run bin/setup-mesh apply --yes
	run bin/setup-mesh status
	run bin/setup-mesh verify
	cat <<EOF

The mesh is up. To go on with it:
  export KUBECONFIG=$PWD/$KUBECONFIG WORKDIR=$PWD/$WORKDIR SETUP_MESH_ALLOW_LOOPBACK=1
  export PATH=$PWD/bin:\$PATH
  \$EDITOR \$WORKDIR/topology.yaml     # take a cluster out, or change base.yaml
  setup-mesh plan && setup-mesh apply && setup-mesh status
  lab status --dir $PWD/$demo/lab
To end it: make demo-down
EOF
}

down() {
	if [ -d "$demo/lab" ]; then
		bin/lab down --dir "$demo/lab"
	fi
	rm -rf "$demo"
}

case ${1-} in
up | down) "$1" ;;
*) echo "usage: tools/demo.sh up|down" >&2; exit 1 ;;
esac
