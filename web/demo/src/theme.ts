/** Light or dark: the system's choice until the switch is used, which is then remembered. */

/** Makes `button` switch the colours. */
export function connectTheme(button: HTMLButtonElement): void {
  const root = document.documentElement
  const system = matchMedia('(prefers-color-scheme: dark)')
  const dark = (): boolean => (root.dataset['theme'] ?? (system.matches ? 'dark' : 'light')) === 'dark'
  const show = (): void => button.setAttribute('aria-pressed', String(dark()))
  button.addEventListener('click', () => {
    const theme = dark() ? 'light' : 'dark'
    root.dataset['theme'] = theme
    try {
      localStorage.setItem('theme', theme)
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    show()
  })
  system.addEventListener('change', show)
  show()
}
