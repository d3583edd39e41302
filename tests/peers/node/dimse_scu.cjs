// The client of npm dcmjs-dimse, as its documentation shows it.
//
// `node dimse_scu.cjs WHAT PORT CALLED ARGUMENT` with WHAT one of echo, store (a file), find (a
// study instance UID), worklist (a modality), move (DESTINATION=study) prints one JSON object for
// each answer, and ends when the association has ended.
"use strict";
const { Client, constants, requests } = require("dcmjs-dimse");
const { Status } = constants;

const [what, port, called, argument] = process.argv.slice(2);
const make = {
  echo: () => new requests.CEchoRequest(),
  store: () => new requests.CStoreRequest(argument),
  find: () =>
    requests.CFindRequest.createStudyFindRequest({
      StudyInstanceUID: argument, PatientID: "", PatientName: "",
    }),
  worklist: () =>
    requests.CFindRequest.createWorklistFindRequest({
      PatientID: "", AccessionNumber: "", StudyInstanceUID: "",
      ScheduledProcedureStepSequence: [{ Modality: argument, ScheduledProcedureStepID: "" }],
    }),
  move: () => requests.CMoveRequest.createStudyMoveRequest(...argument.split("=")),
}[what];

const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");
const request = make();
request.on("response", (response) => {
  const data = response.hasDataset() ? response.getDataset().getElements() : undefined;
  const counts = what === "move" ? [response.getCompleted(), response.getFailures()] : undefined;
  say({ status: response.getStatus(), pending: response.getStatus() === Status.Pending, data, counts });
});
const client = new Client();
client.addRequest(request);
client.on("networkError", (error) => say({ error: String(error) }));
client.on("associationRejected", () => say({ error: "rejected" }));
client.send("127.0.0.1", Number(port), "NODE-SCU", called);
