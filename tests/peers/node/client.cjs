// The sender of npm node-hl7-client, as its documentation shows it.
//
// Its one line of standard input is {"port", "mode", "payloads": [text, ...]}; mode "one-by-one" waits
// for each answer, "pipelined" does not. Prints one JSON object for each answer that it was
// handed, and ends with its input.
"use strict";
const { Client, Message } = require("node-hl7-client");

function send(job) {
  const client = new Client({ host: "127.0.0.1" });
  const waiting = [...job.payloads];
  const next = () => {
    if (waiting.length) void connection.sendMessage(new Message({ text: waiting.shift() }));
  };
  const connection = client.createConnection(
    { port: job.port, waitAck: job.mode === "one-by-one" },
    async (response) => {
      const answer = response.getMessage();
      const seen = { code: answer.get("MSA.1").toString(), acknowledges: answer.get("MSA.2").toString() };
      process.stdout.write(JSON.stringify(seen) + "\n");
      if (job.mode === "one-by-one") next();
    }
  );
  connection.on("connect", () => {
    next();
    while (job.mode === "pipelined" && waiting.length) next();
  });
}

let input = "";
process.stdin.on("data", (data) => {
  const line = !input.includes("\n");
  input += data;
  if (line && input.includes("\n")) send(JSON.parse(input));
});
process.stdin.on("end", () => process.exit(0));
