// Seeds that once failed, and why. They always run.

export const KEPT_SEEDS: readonly {readonly seed: number; readonly why: string}[] = [
  {seed: 44, why: 'a file of a source that could not be read ended a run with 1'},
  {
    seed: 104,
    why: 'a cancelled run that had been taken over removed what its successor had prepared',
  },
  {seed: 129, why: 'a stop waited for ever for a checkpoint that exists and could not be told of'},
  {seed: 235, why: 'a fenced start found all checkpoints of its lineage gone and called it damage'},
  {seed: 327, why: 'a checkpoint directory that could not be read ended a run with 1'},
  {seed: 332, why: 'databases of two subtasks whose files had other names were not restored'},
  {
    seed: 163,
    why: 'what was claimed, set aside by a deletion that died, was swept since another lineage had begun where it was claimed',
  },
  {
    seed: 371,
    why: 'a checkpoint of another directory was restored again, and what the first restore had made was to be committed',
  },
  {seed: 385, why: 'a checkpoint was restored whose output had been overwritten (no bug)'},
  {seed: 424, why: 'a checkpoint was restored whose output had been withdrawn (told to nobody)'},
  {
    seed: 443,
    why: 'what it would resume had been claimed and taken away: it resumed from before, and made output twice',
  },
  {seed: 667, why: 'a fenced start called the checkpoints of its successor damage'},
  {seed: 830, why: 'an id was given again after its checkpoint had been taken back (no bug)'},
  {seed: 1110, why: 'a state file that could not be restored ended a run with 1'},
  {seed: 1272, why: 'a restore that failed removed what a newer checkpoint had prepared'},
  {
    seed: 1713,
    why: '--output-ahead keep went on from a checkpoint whose own output had been removed',
  },
  {seed: 1990, why: 'a state file that could not be verified ended a run with 1'},
  {seed: 12083, why: 'who slept told of a checkpoint that had been taken away since (no bug)'},
  {
    seed: 27983,
    why: 'a fenced run that had drained found its checkpoint gone and called it damage',
  },
];
