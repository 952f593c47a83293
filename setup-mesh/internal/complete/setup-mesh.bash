# Completion of setup-mesh for bash, 3.2 or later: source this, or put it into
# /usr/share/bash-completion/completions/setup-mesh
_setup_mesh() {
	local line=${COMP_LINE:0:COMP_POINT} words word candidate prefix
	COMPREPLY=()
	read -ra words <<<"$line"
	case $line in *[[:space:]]) words+=("") ;; esac
	word=${words[${#words[@]} - 1]}
	# Readline replaces what is after the last of its word breaks only.
	prefix=${word%"${word##*["${COMP_WORDBREAKS//[^:=]/}"]}"}
	while IFS= read -r candidate; do
		candidate=${candidate%%$'\t'*}
		case $candidate in
		:files | :directories)
			local how=-f
			[ "$candidate" = :directories ] && how=-d
			compopt -o filenames 2>/dev/null
			while IFS= read -r candidate; do
				COMPREPLY+=("$candidate")
			done < <(compgen "$how" -- "${word#*=}")
			;;
		*) COMPREPLY+=("$(printf %q "${candidate#"$prefix"}")") ;;
		esac
	done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _setup_mesh setup-mesh
