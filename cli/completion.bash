# Completion of tureen for bash. It asks the installed tureen for its commands and options, once in each shell.
#   source <(tureen completion bash)

declare -gA _tureen_known=()

# Sets REPLY to the help of a command, or of tureen without one, with each entry on one line.
_tureen_help() {
  local line text=''
  if [[ -z ${_tureen_known[x$1]+known} ]]; then
    while IFS= read -r line; do
      if [[ $line =~ ^\ {0,4}[^\ ] || -z $line ]]; then text+=$'\n'$line; else text+=" $line"; fi
    done < <("${COMP_WORDS[0]}" ${1:+"$1"} --help 2>/dev/null)
    _tureen_known[x$1]=$text
  fi
  REPLY=${_tureen_known[x$1]}
}

# Sets REPLY to the topics of help.
_tureen_topics() {
  if [[ -z ${_tureen_known[topics]+known} ]]; then
    _tureen_known[topics]=$("${COMP_WORDS[0]}" help --names 2>/dev/null)
  fi
  REPLY=${_tureen_known[topics]}
}

_tureen() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' line words='' option
  COMPREPLY=()
  # Bash makes a word of the = between an option and its value.
  if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi
  if ((COMP_CWORD > 1)); then command=${COMP_WORDS[1]}; fi
  if [[ $command == -* ]]; then return; fi
  _tureen_help "$command"
  local help=$REPLY

  if [[ $command && $prev == -* ]]; then
    while IFS= read -r line; do
      [[ $line =~ ^\ +(-[a-zA-Z],?\ )?(--[a-zA-Z0-9-]+)?\ *(\<[^\>]+\>|\[[^]]+\])?(.*)$ ]] || continue
      [[ $prev == "${BASH_REMATCH[2]}" || "$prev" == "${BASH_REMATCH[1]%%[, ]*}" ]] || continue
      option=${BASH_REMATCH[3]}
      # An option without a value: what follows it is another argument.
      [[ $option == '<'* ]] || break
      if [[ ${BASH_REMATCH[4]} =~ \(choices:\ ([^\)]*) ]]; then
        words=${BASH_REMATCH[1]//[\",]/ }
        mapfile -t COMPREPLY < <(compgen -W "${words%default:*}" -- "$cur")
      elif [[ $option == '<directory>' ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
      elif [[ $option != '<file>' && $option != '<data>' ]]; then
        # A value that nobody can guess: no file is proposed for it.
        compopt +o default 2>/dev/null
      fi
      return
    done <<<"$help"
  fi

  if [[ -z $command ]]; then
    while IFS= read -r line; do
      if [[ $line =~ ^\ \ ([a-z]+)\ (\[|\<) || $line =~ ^\ \ ([a-z]+)\ \  ]]; then words+=" ${BASH_REMATCH[1]}"; fi
    done <<<"$help"
    words+=' --help --version'
  elif [[ $cur == -* ]]; then
    while IFS= read -r line; do
      if [[ $line =~ ^\ +(-[a-zA-Z],?\ )?(--[a-zA-Z0-9-]+) ]]; then words+=" ${BASH_REMATCH[2]}"; fi
    done <<<"$help"
  elif [[ $command == ls ]]; then
    words='models datasets exports jobs'
  elif [[ $command == completion ]]; then
    words='bash'
  elif [[ $command == help ]]; then
    _tureen_topics
    words=$REPLY
  fi
  if [[ $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    compopt +o default 2>/dev/null
  fi
}

# Without a proposal of its own, bash proposes files.
complete -o default -F _tureen tureen
