import type {CommandModel, CompletionModel, FlagModel, Values} from './model.ts';

/** For `~/.config/fish/completions/<bin>.fish`. */
export function fishScript({bin, commands, topics}: CompletionModel): string {
  return `# fish completion of ${bin}
function __${bin}_command
  set -l command
  for word in (commandline -opc)[2..-1]
    if string match -q -- '-*' $word
      continue
    end
    if test (count $command) -eq 0
      set command $word
    else if test (count $command) -eq 1; and contains -- $command[1] ${topics.map(({name}) => name).join(' ')}
      set command $command $word
    else
      break
    end
  end
  string join ' ' -- $command
end
function __${bin}_is
  set -l now (__${bin}_command)
  test "$now" = "$argv"
end
function __${bin}_job_files
  string match -r '^[^\\t]*(?:\\.ya?ml|/)(?:\\t.*)?$' -- (__fish_complete_path (commandline -ct))
end
complete -c ${bin} -f
${topLines().join('\n')}
${commands.flatMap(commandLines).join('\n')}
`;

  function topLines(): string[] {
    const single = commands.filter(({name}) => !name.includes(' '));
    const first = [...single, ...topics].map(({name, description}) =>
      wordLine('', name, description),
    );
    const second = commands.flatMap(({name, description}) => {
      const [topic = '', word] = name.split(' ');
      return word === undefined ? [] : [wordLine(topic, word, description)];
    });
    return [...first, ...second];
  }

  function wordLine(behind: string, word: string, description: string): string {
    return `complete -c ${bin} -n ${quote(`__${bin}_is ${behind}`.trim())} -a ${quote(word)} -d ${quote(description)}`;
  }

  function commandLines({name, flags, values}: CommandModel): string[] {
    const when = `complete -c ${bin} -n ${quote(`__${bin}_is ${name}`)}`;
    const own = flags.map(
      (flag) => `${when} ${flagWords(bin, flag)} -d ${quote(flag.description)}`,
    );
    const argument = act(bin, values);
    return argument === '' ? own : [...own, `${when} ${argument}`];
  }
}

function flagWords(bin: string, {words, values}: FlagModel): string {
  const names = words.map((word) =>
    word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`,
  );
  if (values === null) return names.join(' ');
  const value = act(bin, values);
  return [...names, '-r', ...(value === '' ? [] : [value])].join(' ');
}

function act(bin: string, values: Values | null): string {
  switch (values?.kind) {
    case undefined:
    case 'none':
      return '';
    case 'words':
      return `-a ${quote(values.words.join(' '))}`;
    case 'keys':
      return `-a ${quote(values.keys.join(' '))}`;
    case 'job-files':
      return `-a ${quote(`(__${bin}_job_files)`)}`;
    case 'files':
      return '-F';
    case 'directories':
      return `-a ${quote('(__fish_complete_directories)')}`;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
