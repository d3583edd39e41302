// The listener of npm node-hl7-server, as its documentation shows it.
//
// `node server.cjs ENCODING` prints "ready PORT", then one JSON object for each message that
// it handled, and ends when its standard input ends. The package knows no GBK; its way to take any
// bytes is the encoding "latin1", and what it read is decoded here.
"use strict";
const { Server } = require("node-hl7-server");

const wanted = process.argv[2];
const direct = wanted === "-" || wanted === "utf-8";
const decoder = new TextDecoder(direct ? "utf-8" : wanted);
const text = (value) => (direct ? value : decoder.decode(Buffer.from(value, "latin1")));

const server = new Server({ bindAddress: "127.0.0.1" });
const options = { port: 0 };
if (wanted !== "-") options.encoding = direct ? "utf8" : "latin1";
const inbound = server.createInbound(options, async (request, response) => {
  const message = request.getMessage();
  const seen = {
    id: message.get("MSH.10").toString(),
    patient: message.get("PID.3.1").toString(),
    name: text(message.get("PID.5.1").toString()),
    results: message.toString().split("\r").filter((line) => line.startsWith("OBX|")).length,
  };
  process.stdout.write(JSON.stringify(seen) + "\n");
  await response.sendResponse("AA");
});
// The package does not tell which port the system chose; its listener does.
inbound.on("listen", () => process.stdout.write(`ready ${inbound._socket.address().port}\n`));
inbound.on("data.error", (error) => process.stdout.write(JSON.stringify({ error: String(error) }) + "\n"));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
