/** A modal dialog on the browser's own element: focus stays inside, Escape closes. */

import { X } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";

import { IconButton } from "./Button";
import styles from "./Dialog.module.css";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** One quiet line below the title. */
  hint?: string;
  /** Buttons at the bottom right. */
  footer?: ReactNode;
  width?: number;
  children: ReactNode;
}

export function Dialog({ open, onClose, title, hint, footer, width = 480, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);

  return (
    <dialog
      ref={element}
      className={styles.dialog}
      aria-label={title}
      style={{ width }}
      onClose={onClose}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      {open && (
        <div className={styles.frame}>
          <header className={styles.head}>
            <div>
              <h2>{title}</h2>
              {hint !== undefined && <p>{hint}</p>}
            </div>
            <IconButton label="Close" onClick={onClose}>
              <X />
            </IconButton>
          </header>
          <div className={styles.body}>{children}</div>
          {footer !== undefined && <footer className={styles.foot}>{footer}</footer>}
        </div>
      )}
    </dialog>
  );
}
