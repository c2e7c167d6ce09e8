"""What train and weigh print at the end: the page's five sentences, and where the page is."""

from steelyard.language import say
from steelyard.report import summary
from steelyard.report.material import gather
from steelyard.run import Run
from steelyard.verbs._output import result


def told(run: Run, about: str) -> None:
    """For people the five sentences; with --json one object: folder, page, quantities, findings and refusals."""
    material = gather(run, about)
    documents = material.documents
    lines = [f"{said.ask} " + " ".join(str(text) for text in said.text) for said in summary.five(material)]
    lines += [str(say("run: {folder}", folder=run.folder)), str(say("page: {file}", file=run.page_about(about)))]
    result({
        "run": str(run.folder), "page": str(run.page_about(about)), "set": about,
        "quantities": {name: {q: quantity.to_json() for q, quantity in own.quantities.items()} for name, own in documents.items()},
        "findings": {name: [finding.to_json() for finding in own.findings] for name, own in documents.items()},
        "refused": {name: str(own.refused) for name, own in documents.items() if own.refused},
    }, "\n".join(lines))
