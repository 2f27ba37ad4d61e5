/** What a detached process writes beside its log: Node's own last words. */
export const STDERR_NAME = 'stderr.log';
