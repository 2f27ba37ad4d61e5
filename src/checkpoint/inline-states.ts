// Names of inline states that more than their writer knows.

/** The time by which the state of a subtask ages: a number. */
export const TTL_CLOCK_STATE = 'ttl-clock';

/** The input of a subtask had come to its end before the barrier: `true`. */
export const INPUT_ENDED_STATE = 'input-ended';
