export function AgentMenu() {
  return null;
}
