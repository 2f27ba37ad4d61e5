/** On a failed answer: the error as this project's client needs it, as percent-encoded JSON. */
export const ERROR_HEADER = 'tidemark-error';
