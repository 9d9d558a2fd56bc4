# bash completion for locksync
_locksync() {
    local word=$2 before=$3 IFS=$'\n'

    COMPREPLY=()
    # "--color=al" arrives as three words: --color = al
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
    --color)
        COMPREPLY=($(compgen -W $'auto\nalways\nnever' -- "$word"))
        return
        ;;
    --key-file | --guard-file | --ca-file)
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --interval | --timeout | --api-version | --base-url)
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        IFS=' '
        COMPREPLY=($(compgen -W "--watch --interval --json --json-lines --age --color --wait --timeout --key-file \
            --guard-file --api-version --base-url --ca-file --help --version" -- "$word" | tr '\n' ' '))
    fi
}
complete -F _locksync locksync
