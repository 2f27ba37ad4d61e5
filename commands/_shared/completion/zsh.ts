import type {CommandModel, CompletionModel, Values} from './model.ts';

/** For `fpath`, or to be sourced behind `compinit`. */
export function zshScript({bin, commands, topics}: CompletionModel): string {
  return `#compdef ${bin}
# zsh completion of ${bin}
_${bin}() {
  local command= word index prev=\${words[CURRENT - 1]} cur=\${words[CURRENT]}
  for ((index = 2; index < CURRENT; index++)); do
    word=\${words[index]}
    if [[ $word == -* ]]; then continue; fi
    if [[ -z $command ]]; then
      command=$word
    elif [[ " ${topics.map(({name}) => name).join(' ')} " == *" $command "* ]]; then
      command="$command $word"
    else
      break
    fi
  done
  # --flag=value is one word.
  if [[ $cur == --*=* ]]; then
    prev=\${cur%%=*}
    compset -P '*='
  fi
  local -a found
  case $command in
    '')
      found=(${topEntries({commands, topics})})
      _describe command found ;;
${topics.map((topic) => topicCase(topic.name)).join('\n')}
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _${bin} ]]; then _${bin} "$@"; else compdef _${bin} ${bin}; fi
`;

  function topicCase(topic: string): string {
    const below = commands.filter(({name}) => name.startsWith(`${topic} `));
    const entries = below.map(({name, description}) =>
      entry(name.slice(topic.length + 1), description),
    );
    return `    ${quote(topic)})
      found=(${entries.join(' ')})
      _describe command found ;;`;
  }

  function commandCase({name, flags, values}: CommandModel): string {
    const valued = flags.filter((flag) => flag.values !== null);
    const entries = flags.flatMap((flag) =>
      flag.words.map((word) => entry(word, flag.description)),
    );
    return `    ${quote(name)})
      case $prev in
${valued.map((flag) => `        ${flag.words.join('|')}) ${act(flag.values)}; return ;;`).join('\n')}
      esac
      if [[ $cur == -* ]]; then
        found=(${entries.join(' ')})
        _describe flag found
        return
      fi
      ${act(values)} ;;`;
  }
}

function topEntries({commands, topics}: Pick<CompletionModel, 'commands' | 'topics'>): string {
  const single = commands.filter(({name}) => !name.includes(' '));
  return [...single, ...topics].map(({name, description}) => entry(name, description)).join(' ');
}

function act(values: Values | null): string {
  switch (values?.kind) {
    case undefined:
    case 'none':
      return ':';
    case 'words':
      return `compadd -- ${values.words.map(quote).join(' ')}`;
    case 'keys':
      return `compadd -S '' -- ${values.keys.map(quote).join(' ')}`;
    case 'job-files':
      return `_files -g '*.(yaml|yml)'`;
    case 'files':
      return '_files';
    case 'directories':
      return '_files -/';
  }
}

/** `_describe` takes the part before the first colon for the word. */
function entry(word: string, description: string): string {
  return quote(`${word.replaceAll(':', '\\:')}:${description}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
