#compdef setup-mesh
# Completion of setup-mesh for zsh: put this as _setup-mesh into a directory of $fpath, or
# source it after compinit.
_setup_mesh() {
	local -a found shown
	local one word
	for one in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
		word=${one%%$'\t'*}
		case $word in
		'') ;;
		:files | :directories)
			compset -P '*='
			if [[ $word == :files ]]; then _files; else _files -/; fi
			return
			;;
		*)
			found+=("$word")
			if [[ $one == *$'\t'* ]]; then shown+=("$word  -- ${one#*$'\t'}"); else shown+=("$word"); fi
			;;
		esac
	done
	compadd -l -d shown -a -- found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_setup_mesh "$@"
else
	compdef _setup_mesh setup-mesh
fi
