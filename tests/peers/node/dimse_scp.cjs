// The storage SCP of npm dcmjs-dimse, as its documentation shows it.
//
// `node dimse_scp.cjs PORT` prints one JSON object for each object that it took.
"use strict";
const { createHash } = require("node:crypto");
const { Server, Scp, constants, responses } = require("dcmjs-dimse");
const { PresentationContextResult, SopClass, Status, StorageClass, TransferSyntax } = constants;

const PLAIN = [TransferSyntax.ExplicitVRLittleEndian, TransferSyntax.ImplicitVRLittleEndian];
const CLASSES = new Set([SopClass.Verification, ...Object.values(StorageClass)]);

class Store extends Scp {
  associationRequested(association) {
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const offered = context.getTransferSyntaxUids();
      const taken = PLAIN.find((one) => offered.includes(one));
      if (!CLASSES.has(context.getAbstractSyntaxUid())) {
        context.setResult(PresentationContextResult.RejectAbstractSyntaxNotSupported);
      } else if (taken === undefined) {
        context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      } else {
        context.setResult(PresentationContextResult.Accept, taken);
      }
    }
    this.sendAssociationAccept();
  }

  cEchoRequest(request, callback) {
    const response = responses.CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  cStoreRequest(request, callback) {
    const data = request.getDataset();
    const pixels = data.getElement("PixelData");
    const seen = {
      sop: data.getElement("SOPInstanceUID"),
      study: data.getElement("StudyInstanceUID"),
      patient: data.getElement("PatientID"),
      name: String(data.getElement("PatientName")),
      pixels: createHash("sha256").update(Buffer.from(pixels[0] ?? pixels)).digest("hex"),
    };
    process.stdout.write(JSON.stringify(seen) + "\n");
    const response = responses.CStoreResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

new Server(Store).listen(Number(process.argv[2]));
