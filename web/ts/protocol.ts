import type {
  ArgumentInfo,
  ArgumentValues,
  Deviation,
  Device,
  Diagnostic,
  ModelInfo,
  Prediction,
  Recovery,
  StoredRun,
  TableInfo,
  TrainEvent,
  TrainResult,
} from './types.js';

/** What the page asks of the worker. Each method is one message there and one back. */
export interface Methods {
  open(device: 'auto' | 'cpu' | 'webgpu', recovery: Recovery | false): Device;
  loadModel(source: File[] | Blob | string): ModelInfo;
  loadTable(role: string, file: Blob, name: string): TableInfo;
  argumentTable(): ArgumentInfo[];
  setArguments(values: ArgumentValues): void;
  train(): TrainResult;
  runs(): StoredRun[];
  resumeRun(id: string): TrainResult;
  discardRun(id: string): void;
  pause(): void;
  resume(): void;
  stop(): void;
  evaluate(): Record<string, number>;
  predict(texts: string[][]): Prediction[];
  files(): [string, Uint8Array][];
  /** Makes an archive of the files as they are now, whose pieces `zipPiece` gives; its number. */
  zipOpen(): number;
  /** The next piece; null at the end. */
  zipPiece(archive: number): Uint8Array | null;
  zipClose(archive: number): void;
  verify(): { findings: Diagnostic[]; files: number };
  memory(): { wasmBytes: number; gpuBytes: number };
  selfCheck(): Deviation[];
  loseDevice(): void;
}

export type Method = keyof Methods;

export interface Request {
  id: number;
  method: Method;
  args: unknown[];
}

export type Message =
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; diagnostic: Diagnostic }
  | { type: 'event'; event: TrainEvent };
