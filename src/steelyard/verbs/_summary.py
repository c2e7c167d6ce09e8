"""What train and weigh print at the end: the page's five sentences, and where the page is."""

from steelyard.run import Run
from steelyard.language import say
from steelyard.report import summary
from steelyard.report.material import gather
from steelyard.verbs._output import result


def told(run: Run, about: str, as_json: bool) -> None:
    """For people the five sentences; with --json one object: folder, page, quantities, findings and refusals."""
    material = gather(run, about)
    if as_json:
        result({
            "run": str(run.folder), "page": str(run.page_file), "set": about,
            "quantities": {name: {q: quantity.to_json() for q, quantity in own.quantities.items()} for name, own in material.documents.items()},
            "findings": {name: [finding.to_json() for finding in own.findings] for name, own in material.documents.items()},
            "refused": {name: str(own.refused) for name, own in material.documents.items() if own.refused},
        })
        return
    for said in summary.five(material):
        print(f"{said.ask} " + " ".join(str(text) for text in said.text))
    print(say("run: {folder}", folder=run.folder))
    print(say("page: {file}", file=run.page_file))
