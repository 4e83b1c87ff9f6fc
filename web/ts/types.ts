/** What went wrong, where, what was expected, what was found, and what to do. */
export interface Diagnostic {
  /** A stable name in kebab case: one of the library, which `rtrain explain` knows, or one of the list in the README. */
  code: string;
  message: string;
  file?: string;
  /** A line, a tensor, a column or a JSON pointer of the file. */
  place?: string;
  expected?: string;
  found?: string;
  hint?: string;
  severity?: 'error' | 'warning' | 'note';
}

/** An error that says what to do about it. */
export class RtrainError extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message);
    this.name = 'RtrainError';
    this.diagnostic = diagnostic;
  }
}

/** What computes. */
export interface Device {
  kind: 'cpu' | 'webgpu';
  name: string;
  /** Whether it is a processor that plays a GPU. */
  isSoftware: boolean;
}

/** The largest difference between a GPU and the processor in one case of a self-check. */
export interface Deviation {
  case: string;
  tensor: string;
  /** As a share of the largest value of the tensor, or of 1 where that is smaller. */
  share: number;
}

/** What a loaded model is. */
export interface ModelInfo {
  modelType: string;
  parameters: number;
  layers: number;
  hiddenSize: number;
  vocabSize: number;
  /** The classes of its classifier; null where it has none yet. */
  labels: string[] | null;
  /** Size of its files. */
  bytes: number;
  /** Most tokens of a text. */
  maxLength: number;
  /** Whether there are no weights among its files, so that it starts from random ones. */
  fromScratch: boolean;
}

/** What a loaded table holds. */
export interface TableInfo {
  name: string;
  rows: number;
  columns: string[];
  /** The columns of the texts, one, or two of pairs: those of `text_column_names`, or those that seem to be. */
  textColumns: string[];
  /** The column of the labels: that of `label_column_name`, or the one that seems to be. */
  labelColumn: string | null;
  /** The labels in that column. */
  labels: { name: string; count: number }[];
  /** The first rows. */
  preview: string[][];
}

/** What a table is for. */
export type Role = 'train' | 'validation' | 'test';

/** An argument of a training, as `TrainingArguments` of transformers has it. */
export interface ArgumentInfo {
  name: string;
  group: string;
  help: string;
  kind: 'text' | 'integer' | 'float' | 'flag' | 'choice' | 'steps' | 'names';
  choices?: string[];
  min?: number;
  max?: number;
  default?: string;
}

/** Something that happened in the course of a training or an evaluation. A number that is not finite is NaN. */
export type TrainEvent =
  | { type: 'step'; step: number; total: number; epoch: number; loss: number; learningRate: number; tokensPerSecond: number }
  | { type: 'log'; entry: Record<string, number> }
  | { type: 'evaluation'; done: number; total: number }
  | { type: 'metrics'; metrics: Record<string, number> }
  | { type: 'paused' }
  | { type: 'resumed' }
  /** What a training that was kept began with is loaded; `resumeRun` tells it first. */
  | { type: 'opened'; model: ModelInfo; tables: Partial<Record<Role, TableInfo>>; arguments: ArgumentValues }
  /** The training would go on after this step if the tab was closed now; it takes so many bytes of the browser's storage. */
  | { type: 'kept'; step: number; bytes: number }
  /** The training goes on, but nothing of it is kept from now on. */
  | { type: 'unkept'; diagnostic: Diagnostic }
  /** The device was lost, and the training goes on after this step; a second loss ends it. */
  | { type: 'restarted'; step: number; diagnostic: Diagnostic }
  | { type: 'notice'; text: string };

/** What a model says of a text; for a regression the score is the number. */
export interface Prediction {
  label: string;
  score: number;
  /** All labels, the likeliest first. */
  scores: { label: string; score: number }[];
}

/** How a training ended. */
export interface TrainResult {
  metrics: Record<string, number>;
  /** Whether it was stopped before its last step. */
  stopped: boolean;
}

/** Values of arguments by name; null stands for the default. */
export type ArgumentValues = Record<string, string | number | boolean | null>;

/** How often a training is kept besides its own checkpoints, so that a closed tab loses no more than that. */
export interface Recovery {
  /** 30 unless it is set; longer where keeping takes more than a twentieth of the time. */
  everySeconds?: number;
  /** Unless it is set, the time alone counts. */
  everySteps?: number;
}

/** A training that the browser keeps. */
export interface StoredRun {
  id: string;
  /** The name of its model. */
  model: string;
  /** The name of the table that it learns from. */
  table: string;
  /** The step after which it goes on. */
  step: number;
  /** Steps in all; 0 where none has been kept yet. */
  total: number;
  /** When it was kept. */
  when: Date;
  /** Whether it has ended, and its result has not been saved. */
  finished: boolean;
  /** Whether it runs now, here or in another tab. */
  running: boolean;
  /** What it takes of the browser's storage; trainings on the same model share its files. */
  bytes: number;
}
