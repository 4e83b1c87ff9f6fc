/**
 * Runs before anything is painted or fetched: the colours, and the half of the content security policy that depends on
 * what the user typed. A policy in force can only be narrowed, so an address that the user gives is left in the session's
 * storage, and the page reloads.
 */
{
  const HUB = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co']

  /** @param {string} address */
  const hosts = (address) => {
    if (/^[\w.-]+\/[\w.-]+$/.test(address)) return HUB
    const { origin, protocol, hostname } = new URL(address)
    if (!['https:', 'http:'].includes(protocol)) return []
    return hostname === 'huggingface.co' ? HUB : [origin]
  }

  const root = document.documentElement
  let sources = ["'self'"]
  try {
    const theme = localStorage.getItem('theme')
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
    const address = sessionStorage.getItem('address')
    sessionStorage.removeItem('address')
    if (address) {
      sources = sources.concat(hosts(address))
      root.dataset.address = address
    }
  } catch {
    // Storage is denied or the address is none: the policy stays as narrow as it can be.
  }
  const policy = document.createElement('meta')
  policy.httpEquiv = 'Content-Security-Policy'
  policy.content = `connect-src ${sources.join(' ')}`
  document.head.append(policy)
  root.dataset.policy = 'complete'
}
