import type {CommandModel, CompletionModel, Values} from './model.ts';

/** Needs bash 3.2 and nothing else; a `=` in a word is taken apart by readline and put together here. */
export function bashScript({bin, commands, topics}: CompletionModel): string {
  const firsts = [...new Set(commands.map(({name}) => name.split(' ')[0] ?? ''))];
  return `# bash completion of ${bin}
_${bin}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev= command= word index
  # --flag=value is three words to readline: --flag, =, value.
  if [[ $cur == = ]]; then cur=; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word == -* || $word == = ]]; then continue; fi
    if [[ -z $command ]]; then
      command=$word
    elif [[ " ${topics.map(({name}) => name).join(' ')} " == *" $command "* ]]; then
      command="$command $word"
    else
      break
    fi
  done
  prev=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $prev == = || \${COMP_WORDS[COMP_CWORD]} == = ]]; then
    index=$((COMP_CWORD - 1))
    if [[ $prev == = ]]; then index=$((index - 1)); fi
    prev=\${COMP_WORDS[index]}
    # The value of a pair: nobody knows what it may be.
    if [[ $prev != -* ]]; then return; fi
  fi
  case $command in
${topLevel(bin, firsts)}
${topics.map((topic) => topicCase(bin, topic.name, commands)).join('\n')}
${commands.map((command) => commandCase(bin, command)).join('\n')}
  esac
}
_${bin}_words() { COMPREPLY=($(compgen -W "$1" -- "$2")); }
_${bin}_keys() {
  COMPREPLY=($(compgen -W "$1" -- "$2"))
  compopt -o nospace 2>/dev/null || true
}
_${bin}_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$1"))
  compopt -o filenames 2>/dev/null || true
}
_${bin}_directories() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -d -- "$1"))
  compopt -o filenames 2>/dev/null || true
}
_${bin}_job_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -d -- "$1"; compgen -f -X '!*.yaml' -- "$1"; compgen -f -X '!*.yml' -- "$1"))
  compopt -o filenames 2>/dev/null || true
}
complete -F _${bin} ${bin}
`;
}

function topLevel(bin: string, words: readonly string[]): string {
  return `    '') _${bin}_words ${quote([...words, '--help', '--version'].join(' '))} "$cur" ;;`;
}

function topicCase(bin: string, topic: string, all: CompletionModel['commands']): string {
  const seconds = all.flatMap(({name}) =>
    name.startsWith(`${topic} `) ? [name.slice(topic.length + 1)] : [],
  );
  return `    ${quote(topic)}) _${bin}_words ${quote([...seconds, '--help'].join(' '))} "$cur" ;;`;
}

function commandCase(bin: string, {name, flags, values}: CommandModel): string {
  const valued = flags.filter((flag) => flag.values !== null);
  const words = flags.flatMap((flag) => flag.words).join(' ');
  return `    ${quote(name)})
    case $prev in
${valued.map((flag) => `        ${flag.words.join('|')}) ${act(bin, flag.values)}; return ;;`).join('\n')}
    esac
    if [[ $cur == -* ]]; then _${bin}_words ${quote(words)} "$cur"; return; fi
    ${act(bin, values)} ;;`;
}

function act(bin: string, values: Values | null): string {
  switch (values?.kind) {
    case undefined:
    case 'none':
      return ':';
    case 'words':
      return `_${bin}_words ${quote(values.words.join(' '))} "$cur"`;
    case 'keys':
      return `_${bin}_keys ${quote(values.keys.join(' '))} "$cur"`;
    case 'job-files':
      return `_${bin}_job_files "$cur"`;
    case 'files':
      return `_${bin}_files "$cur"`;
    case 'directories':
      return `_${bin}_directories "$cur"`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
