// The wrap-up in the call bar: what came of the call, and what comes next.
export default function WrapUpStrip() {
  return null;
}
