/** The simulation as one module below `root`, where its `#src/…` leads to that package's own dist. */
export function buildSimulation(root: string): Promise<string>;
