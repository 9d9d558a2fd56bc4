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
    -c | --check | -u | --until)
        COMPREPLY=($(compgen -W $'locked\nunlocked\nopen\nclosed\nconnected\ndisconnected' -- "$word"))
        return
        ;;
    -k | --key-file | --guard-file | --ca-file)
        compopt -o filenames
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    -i | --interval | -t | --timeout | -x | --exec | --columns | --api-version | --base-url)
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        IFS=' '
        COMPREPLY=($(compgen -W "--watch --interval --exec --changes-only --check --until --json --json-lines --age \
            --columns --no-headers --color --quiet --refresh --wait --timeout --key-file --guard-file --api-version \
            --base-url --ca-file --help --version" -- "$word" | tr '\n' ' '))
    fi
}
complete -F _locksync locksync
