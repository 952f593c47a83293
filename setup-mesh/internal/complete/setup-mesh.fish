# Completion of setup-mesh for fish: put this into ~/.config/fish/completions/setup-mesh.fish
function __setup_mesh_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] $word 2>/dev/null)
    set -l flag (string match -r '^--?[^=]*=' -- $word)
    set -l path (string replace -r '^--?[^=]*=' '' -- $word)
    switch "$found[1]"
        case :files
            set found "$flag"(__fish_complete_path $path)
        case :directories
            set found "$flag"(__fish_complete_directories $path '')
    end
    printf '%s\n' $found
end
complete -c setup-mesh -f -a '(__setup_mesh_complete)'
