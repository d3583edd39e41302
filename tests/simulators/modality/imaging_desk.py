"""PACS, RIS and one device in this process, over loopback."""

from datetime import datetime

from harness import people
from harness.link.dicom import COMMITMENT
from harness.link.dicom_data import EXPLICIT, IMPLICIT
from harness.link.dicom_scp import Listener
from harness.link.dicom_scu import Association, Peer
from simulators.hospital import pacs_shell
from simulators.modality.images import Exam, instance, latin_name, uid
from simulators.modality.modality import Modality, Receiver
from simulators.modality.model import load_model


class ImagingDesk:
    """Both systems with one set of defects, and devices made on demand."""

    def __init__(self, folder, defects=()):
        self.systems, self.listeners, self.stores, self.addresses = {}, [], [], {}
        for role in pacs_shell.ROLES:
            config = {
                "role": role,
                "store": str(folder / f"{role}.sqlite"),
                "durable": False,
                "defects": list(defects),
            }
            service, listener, store = pacs_shell.make(config)
            self.systems[role] = service
            self.stores.append(store)
            self.listeners.append(listener)
            self.addresses[role] = listener.start("127.0.0.1", 0)
        self.receivers = {}
        self.count = 0

    def device(self, name):
        model = load_model(name)

        def opened(role, offers):
            return Association(
                Peer(
                    address=self.addresses[role],
                    called=f"MH{role}",
                    calling=model.ae_title,
                    dimse_s=5.0,
                ),
                offers,
            )

        if name not in self.receivers:
            receiver = Receiver()
            listener = Listener(
                receiver,
                model.ae_title,
                [(COMMITMENT, (EXPLICIT, IMPLICIT)), (model.sop_class, model.syntaxes)],
                roles=[COMMITMENT],
            )
            address = listener.start("127.0.0.1", 0)
            self.listeners.append(listener)
            self.receivers[name] = receiver
            self.systems["PACS"].command(
                "destination", {"ae": model.ae_title, "host": address.host, "port": address.port}
            )
        return Modality(model, opened)

    def exam(
        self,
        name="ct-helical",
        kind="ordinary",
        *,
        scheduled=True,
        date="20260105",
        time="003000",
        person=None,
    ):
        self.count += 1
        person = person or people.generate(9, self.count, kind=kind)
        model = load_model(name)
        code = f"MH{self.count:010d}"
        exam = Exam(
            person=person,
            study=uid("study", code),
            accession=code,
            procedure_id=f"P{code[2:]}",
            step_id=f"S{code[2:]}",
            description="胸部",
            moment=datetime.fromisoformat(f"{date}T{time}"),
        )
        if scheduled:
            self.systems["RIS"].command(
                "schedule",
                {
                    "sps_id": exam.step_id,
                    "patient_id": person.patient_id,
                    "name": person.name,
                    "latin": latin_name(person),
                    "birth": person.birth,
                    "sex": person.sex,
                    "accession": code,
                    "procedure_id": exam.procedure_id,
                    "description": "胸部",
                    "study": exam.study,
                    "modality": model.modality,
                    "station": model.ae_title,
                    "date": date,
                    "time": time,
                },
            )
        return exam

    @staticmethod
    def objects(modality, exam):
        return [
            instance(modality.model, exam, number) for number in range(1, modality.model.images + 1)
        ]

    def stop(self):
        left = [name for listener in self.listeners for name in listener.stop()]
        for service in self.systems.values():
            service.stop()
        for store in self.stores:
            store.close()
        troubles = [one for listener in self.listeners for one in listener.troubles]
        return left, troubles
