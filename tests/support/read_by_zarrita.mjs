// Writes to stdout, of an array of a zarr hierarchy (arguments: folder, name): its shape on a line,
// then its values, as zarrita.js reads them.
import { FileSystemStore } from "@zarrita/storage";
import * as zarr from "zarrita";

const [folder, name] = process.argv.slice(1);
const root = await zarr.open(new FileSystemStore(folder), { kind: "group" });
const found = await zarr.get(await zarr.open(root.resolve(name), { kind: "array" }));
const { buffer, byteOffset, byteLength } = found.data;
process.stdout.write(`${found.shape.join(" ")}\n`);
process.stdout.write(new Uint8Array(buffer, byteOffset, byteLength));
