import { anyOf, type FileHead, headBytes, type Impostor, magic } from './impostor.ts'

const fetchAgain = 'Fetch the model again, and look at what the address answers.'

/** Plain-text answers of servers for a file that is missing or forbidden, including Hugging Face's hub and GitHub. */
const plainErrors =
  /^\s*(\d{3}:? )?(entry not found|(file |page |repository |repo )?not found|(access )?denied|forbidden|unauthorized|invalid (username or password|credentials)|access to (model|dataset) |moved permanently|found\. redirecting|bad gateway|service unavailable|gateway time-?out|internal server error|too many requests|rate limit|no such )/i

/** Text that was saved or converted under the name of a model. */
export const texts: readonly Impostor[] = [
  {
    recognise: anyOf(magic([0xff, 0xfe]), magic([0xfe, 0xff])),
    reason:
      'The file is text in UTF-16, which `>` of Windows PowerShell writes for any output, including models. Download the model without `>` (curl -o), and upload it.',
  },
  {
    recognise: ({ text }) => /^\s*version https:\/\/git-lfs\.github\.com\/spec\//.test(withoutMark(text)),
    reason: 'The file is a Git LFS pointer, not the model itself. Fetch the model with `git lfs pull`.',
  },
  {
    recognise: ({ text }) => /^\s*<\?xml[^>]*>\s*<Error>|^\s*<Error>/.test(text),
    reason: ({ text }) => `The file is an XML error document of an object store${codeIn(text)}. ${fetchAgain}`,
  },
  {
    recognise: ({ text }) => /^\s*(<\?xml[^>]*>\s*)?<net\s+name=/.test(text),
    reason: 'The file is an OpenVINO model (.xml). Upload the ONNX model that it was made from.',
  },
  {
    recognise: ({ text }) =>
      /^\s*(<!--[^>]*-->\s*)*(<!doctype html|<html|<head|<body|<meta|<title|<script|<svg|<\?xml)/i.test(
        withoutMark(text),
      ),
    reason: `The file is an HTML or XML page, perhaps the error page of a download. ${fetchAgain}`,
  },
  {
    recognise: ({ text }) => plainErrors.test(text) && text.length < 512,
    reason: head => `The file is the error message of a download: ${quoted(head)}. ${fetchAgain}`,
  },
  {
    recognise: head => isJson(head) && /^\s*\{\s*"(error|errors|message|detail|code|status)"/.test(head.text),
    reason: head => `The file is a JSON error message: ${quoted(head)}. ${fetchAgain}`,
  },
  {
    recognise: head => isJson(head) && /"(irVersion|opsetImport)"/.test(head.text),
    reason:
      'The file is an ONNX model as JSON. Convert it: onnx.save(onnx.load("model.json", format="json"), "model.onnx").',
  },
  {
    recognise: isJson,
    reason:
      'The file is JSON, not an ONNX model (perhaps a configuration, or the index of several files). Upload the .onnx file.',
  },
  {
    recognise: head =>
      isText(head) &&
      /^\s*(#[^\n]*\n\s*)*(ir_version|opset_import|producer_name|producer_version|model_version|domain|doc_string|graph|functions|metadata_props|training_info)\s*[:{]/.test(
        withoutMark(head.text),
      ),
    reason:
      'The file is an ONNX model as protobuf text. Convert it: onnx.save(onnx.load("model.txt", format="textproto"), "model.onnx").',
  },
  {
    recognise: head =>
      isText(head) && /^\s*(#[^\n]*\n\s*)*<\s*(ir_version|opset_import)\s*:/.test(withoutMark(head.text)),
    reason:
      'The file is a model in ONNX\'s textual syntax. Convert it: onnx.save(onnx.load("model.txt", format="onnxtxt"), "model.onnx").',
  },
  {
    // A node of ONNX has inputs and outputs, then op_type. A node of TensorFlow has name and op.
    recognise: head =>
      isText(head) &&
      /^\s*(#[^\n]*\n\s*)*node\s*\{\s*((input|output|name|doc_string):\s*"[^"]*"\s*)*(output|op_type):/.test(
        withoutMark(head.text),
      ),
    reason:
      'The file is the graph of an ONNX model as protobuf text, without the model around it. Save the whole model (onnx.save).',
  },
  {
    recognise: head =>
      isText(head) &&
      /^\s*(#[^\n]*\n\s*)*(node|meta_graphs|saved_model_schema_version|versions|library)\s*[:{]/.test(
        withoutMark(head.text),
      ),
    reason: 'The file is a TensorFlow graph as protobuf text. Export the model to ONNX with tf2onnx and upload that.',
  },
  {
    recognise: isText,
    reason: head => `The file is text that begins with ${quoted(head)}. Upload the .onnx file, which is binary.`,
  },
]

function isJson(head: FileHead): boolean {
  return /^\s*[{[]\s*["{[\]}\d-]/.test(withoutMark(head.text)) && isText(head)
}

/** Removes a UTF-8 byte order mark, read as Latin-1. */
function withoutMark(text: string): string {
  return text.replace(/^\xef\xbb\xbf/, '')
}

/** True if the beginning of a file is UTF-8 text without control characters. Its last character may be cut off. */
function isText({ bytes, text }: FileHead): boolean {
  if (/[^\P{Cc}\t\n\v\f\r\x80-\x9f]/u.test(text)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: bytes.byteLength === headBytes })
    return true
  } catch {
    return false
  }
}

function codeIn(text: string): string {
  const code = /<Code>([\w.]{1,60})<\/Code>/.exec(text)?.[1]
  return code === undefined ? '' : ` (${code})`
}

const longestQuote = 80

function quoted({ bytes }: FileHead): string {
  const line = new TextDecoder()
    .decode(bytes)
    .replace(/^\ufeff/, '')
    .replace(/\s+/g, ' ')
    .trim()
  return JSON.stringify(line.length > longestQuote ? `${line.slice(0, longestQuote)}...` : line)
}
