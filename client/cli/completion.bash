# Completion of snakepit for bash: commands, options, and the names of pools as the broker tells them.

_snakepit_pools()
{
    local endpoint=()
    [[ $COMP_LINE =~ --connect[=\ ]+([^\ ]+) ]] && endpoint=(--connect "${BASH_REMATCH[1]//[\'\"]/}")
    snakepit "${endpoint[@]}" -t 0.3 pools 2>/dev/null | awk 'NR > 1 && !NF { exit } NR > 1 { print $1 }'
}

_snakepit()
{
    local commands="call submit status pools workers worker agents tasks stats inspect top explain events ping cancel recycle drain resume dead schedule await ready doctor compat help"
    local common="--connect --timeout --output --help --version"
    local task="--priority --deadline --delay --max-attempts --at-most-once --retries --retry-on --backoff --kills-max"
    task+=" --dedup-key --dedup --group --fair-key --session --session-mode --run-limit"
    local words word before command="" place=0 i

    # Not COMP_WORDS: bash splits those at the colons of an endpoint.
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}x"
    word=${words[-1]%x} before=${words[-2]}
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
        --connect | --timeout | -t | --output | -o | --kw | --priority | --deadline | --delay | --max-attempts | \
            --retries | --retry-on | --backoff | --kills-max | --dedup-key | --dedup | --group | --fair-key | \
            --session | --session-mode | --run-limit | --window | --limit | --workers | -c | --count | --config | --profile | --every | --overlap)
            ((i++)) ;;
        -*) ;;
        *)
            if [[ -z $command ]]; then command=${words[i]}; else ((place++)); fi ;;
        esac
    done

    case $before in
    --config) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    -c) [[ $command == doctor ]] && mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --session-mode) mapfile -t COMPREPLY < <(compgen -W "hint strict_queue strict_fail_fast" -- "$word"); return ;;
    --profile) mapfile -t COMPREPLY < <(compgen -W "thread process" -- "$word"); return ;;
    --overlap) mapfile -t COMPREPLY < <(compgen -W "skip queue" -- "$word"); return ;;
    -o | --output) mapfile -t COMPREPLY < <(compgen -W "table json" -- "$word"); return ;;
    --connect | -t | --timeout | --kw | --priority | --deadline | --delay | --max-attempts | --window | --limit | \
        --retries | --retry-on | --backoff | --kills-max | --dedup-key | --dedup | --group | --fair-key | --session | \
        --run-limit | --workers | --count | --every)
        return ;;
    esac
    if [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands $common" -- "$word")
        return
    fi
    if [[ $word == -* ]]; then
        case $command in
        call) common+=" --kw --stream --progress $task" ;;
        submit) common+=" --ordered --window --quiet $task" ;;
        tasks) common+=" --limit" ;;
        ping) common+=" --count" ;;
        drain) common+=" --all --wait" ;;
        resume) common+=" --all" ;;
        ready | await) common+=" --workers" ;;
        recycle) common+=" --wait --pool" ;;
        explain) common+=" --pool" ;;
        dead) common+=" --limit --pool" ;;
        schedule) common+=" --every --delay --overlap" ;;
        events) common+=" --count --events" ;;
        top) common+=" --batch --count --delay" ;;
        doctor) common+=" --config --import" ;;
        compat) common+=" --profile" ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$common" -- "$word")
        return
    fi
    case $command in
    call | submit | pools | workers | tasks | stats | inspect | explain | recycle | drain | resume | await | ready)
        ((place == 0)) && mapfile -t COMPREPLY < <(compgen -W "$(_snakepit_pools)" -- "$word") ;;
    dead)
        case $place in
        0) mapfile -t COMPREPLY < <(compgen -W "ls show requeue rm" -- "$word") ;;
        1) mapfile -t COMPREPLY < <(compgen -W "$(_snakepit_pools)" -- "$word") ;;
        esac ;;
    schedule) ((place == 0)) && mapfile -t COMPREPLY < <(compgen -W "ls set rm" -- "$word") ;;
    help) ((place == 0)) && mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
    esac
}

complete -F _snakepit snakepit
