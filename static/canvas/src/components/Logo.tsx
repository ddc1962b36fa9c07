/** The product's mark: a path that splits. */
export function Logo() {
  return (
    <svg
      viewBox="0 0 24 24"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M4 17c6 0 5-10 11-10" strokeWidth="2.6" />
      <circle cx="18.5" cy="7" r="2.6" fill="currentColor" stroke="none" />
      <circle cx="18" cy="17" r="2.6" fill="currentColor" stroke="none" />
    </svg>
  );
}
