import type {FindingCode} from '../storage/finding.ts';
import type {Page} from './page.ts';

const OLDER =
  'Restore an older checkpoint: `tidemark checkpoint list` marks the newest that can be restored.';
const SEE_ALL = 'tidemark checkpoint verify my.job.yaml';
const USE_OLDER = 'tidemark run my.job.yaml --on-damaged use-older';
const BACK = `Bring the file back from where the checkpoint was copied to. ${OLDER}`;

/** What `checkpoint verify` finds, and `list` and `inspect` show. The compiler refuses a code without a page. */
export const FINDING_PAGES: Readonly<Record<FindingCode, Page>> = {
  'metadata-missing': {
    what: 'A checkpoint has no _metadata.',
    why: '_metadata says which files belong to it, and is written before the directory gets its name: it was removed, or not everything was copied.',
    fix: BACK,
    example: USE_OLDER,
  },
  'metadata-damaged': {
    what: 'The _metadata of a checkpoint is not what was written.',
    why: 'It begins with the SHA-256 of the rest of it, and the two differ; or what it says contradicts itself.',
    fix: BACK,
    example: USE_OLDER,
  },
  'metadata-incompatible': {
    what: 'A checkpoint needs another version of tidemark.',
    why: 'Its format, or a feature that it requires, is not known here. It is not damaged, and it is not guessed at.',
    fix: 'Install the version that the message names.',
    example: 'npm install -g tidemark@latest',
  },
  'job-differs': {
    what: 'A checkpoint in the directory of one job is of another.',
    why: 'It was put there: a job writes its own name into each checkpoint, and works in a directory of that name.',
    fix: 'Move it away, or restore it by its path into the job that it is of.',
    example: 'tidemark checkpoint inspect state/checkpoints/my-job/chk-7',
  },
  'id-differs': {
    what: 'A checkpoint says another number than its directory.',
    why: 'The directory was renamed, or one was copied over another.',
    fix: `Give it its name back. ${OLDER}`,
    example: SEE_ALL,
  },
  'name-refused': {
    what: 'A checkpoint names a file that leads out of it, or that not every system can have.',
    why: 'No run writes such a name: somebody made it. It was not looked at.',
    fix: `Do not restore it. ${OLDER}`,
    example: SEE_ALL,
  },
  'kind-refused': {
    what: 'A link, a pipe, a device or a directory lies where a checkpoint has a file.',
    why: 'What it leads to is nobody’s promise, and a pipe is waited for for ever. It was not opened.',
    fix: 'Put the file itself there.',
    example: 'tidemark checkpoint copy my-job@12 /backup/chk-12   # copies files, never links',
  },
  'checksums-missing': {
    what: 'A checkpoint has no SHA256SUMS.',
    why: 'The list is for sha256sum, and is written with every checkpoint. _metadata has the same checksums.',
    fix: BACK,
    example: 'sha256sum --check SHA256SUMS   # within a checkpoint',
  },
  'checksums-differ': {
    what: 'SHA256SUMS and _metadata contradict each other.',
    why: 'One of the two was changed, or comes from another checkpoint.',
    fix: BACK,
    example: SEE_ALL,
  },
  'file-absent': {
    what: 'A file that a checkpoint names is not there.',
    why: 'It was removed, or not everything was copied. An incremental checkpoint needs files of shared/ beside it, too.',
    fix: `${BACK} Where files of a checkpoint of Apache Flink lie elsewhere, say where: --map FROM=TO.`,
    example: 'tidemark checkpoint copy my-job@12 /backup/chk-12   # takes along what it needs',
  },
  'file-truncated': {
    what: 'A file of a checkpoint is shorter than it was written.',
    why: 'A copy was cut short, or a disk was full or failed.',
    fix: BACK,
    example: USE_OLDER,
  },
  'file-extended': {
    what: 'A file of a checkpoint is longer than it was written.',
    why: 'Something was written to it: a run never changes a file of a published checkpoint.',
    fix: BACK,
    example: USE_OLDER,
  },
  'file-too-long': {
    what: 'A file is longer than such a file can be.',
    why: 'It was refused before it was read: none that a run of this program or of Apache Flink writes has that length.',
    fix: `Do not restore it. ${OLDER}`,
    example: SEE_ALL,
  },
  'file-not-read': {
    what: 'A file of a checkpoint could not be read: nobody knows whether it is whole.',
    why: 'The system refused it, for want of rights or because of the disk; the message says which.',
    fix: 'Give this user access, or look at the disk, then verify again.',
    example: SEE_ALL,
  },
  'chunk-damaged': {
    what: 'Bytes of a state file are not those that were written.',
    why: 'Each MiB has a CRC-32 of its own, so the place is known to a MiB. A disk, a controller or memory changed a bit, or somebody wrote there.',
    fix: `${BACK} Look at the disk.`,
    example: USE_OLDER,
  },
  'digest-differs': {
    what: 'A state file has another SHA-256 than was written.',
    why: 'The sums of its parts agree: one file was put in place of another, or changed by somebody who knew how.',
    fix: BACK,
    example: USE_OLDER,
  },
  'chain-broken': {
    what: 'The files of an incremental state do not follow each other.',
    why: 'A full file and its changes form a chain, each naming the one before it; one of them is of another chain.',
    fix: OLDER,
    example: USE_OLDER,
  },
  'rows-damaged': {
    what: 'The bytes of a state are what was written, and the rows in them cannot be right.',
    why: 'A length, an order, a key group, a type or a count is wrong: they were damaged before they were written, or it is a defect of tidemark.',
    fix: `${OLDER} If no disk or memory is to blame, report it.`,
    example: 'tidemark checkpoint verify my-job@12 --level decode',
  },
  'rows-differ': {
    what: 'A restored state has other rows than its files.',
    why: 'At --level restore each state is restored into a scratch directory and read again. It is a defect of tidemark.',
    fix: 'Keep the checkpoint, and report it.',
    example: 'tidemark checkpoint verify my-job@12 --level restore',
  },
  'not-checked': {
    what: 'Something could not be looked at, and is not called right.',
    why: 'What the level needs is not there: a package, room in the scratch directory, keys whose hashes nobody chose. The message says which.',
    fix: 'Provide it, and verify again.',
    example: 'npm install rocksdb-native   # for state in files of RocksDB',
  },
  'extra-file': {
    what: 'A file lies in a checkpoint that the checkpoint does not name.',
    why: 'No restore reads it. Somebody put it there, or a copy brought it along.',
    fix: 'Nothing; remove it if you know that it is nobody’s.',
    example: SEE_ALL,
  },
  'open-to-all': {
    what: 'Every user of the machine may write in the directory of a checkpoint.',
    why: 'Whoever may write there may change state, or put a link in the place of a file. It is an error with --strict.',
    fix: 'Take the right away from others.',
    example: 'chmod o-w state/checkpoints/my-job',
  },
  foreign: {
    what: 'Apache Flink wrote the checkpoint.',
    why: 'It is listed, inspected, verified and copied here; no job is restored from it.',
    fix: 'Restore it with Flink.',
    example: 'flink run -s /checkpoints/7fb3…/chk-12 job.jar',
  },
  'no-checksums': {
    what: 'A checkpoint of Apache Flink has no checksums.',
    why: 'Its format has none: that every file is there with its recorded length is all that can be said.',
    fix: 'Nothing. Keep copies whose checksums you keep yourself.',
    example: 'tidemark checkpoint verify /checkpoints/7fb3…/chk-12 --level manifest',
  },
  'paths-moved': {
    what: 'A checkpoint of Apache Flink names other places than where its files were found.',
    why: 'It has absolute paths, and was moved. The files are looked for in the same place relative to it, or where --map says.',
    fix: 'Nothing here; to let Flink restore it, copy it: the copy names its own places.',
    example: 'tidemark checkpoint copy /moved/chk-12 /checkpoints/chk-12',
  },
  'file-elsewhere': {
    what: 'A checkpoint of Apache Flink names a file on another system.',
    why: 'S3, HDFS and the like are not looked at: nobody knows whether it is there.',
    fix: 'Bring the files here, and say where they are.',
    example: 'tidemark checkpoint verify chk-12 --map s3://bucket/checkpoints=/mnt/checkpoints',
  },
  'deleted-meanwhile': {
    what: 'A checkpoint was deleted while it was looked at.',
    why: 'Its job goes on, and retention took it: it is not damaged. `checkpoint hold` keeps one.',
    fix: 'Nothing; or hold it before you look.',
    example: 'tidemark checkpoint hold my-job@12',
  },
};
