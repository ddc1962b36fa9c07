/** Buttons: with words, or with an icon and a name for those who cannot see it. */

import type { ButtonHTMLAttributes, ReactNode } from "react";

import styles from "./Button.module.css";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: "plain" | "primary" | "danger" | "quiet";
  icon?: ReactNode;
}

export function Button({ tone = "plain", icon, className, children, ...rest }: ButtonProps) {
  return (
    <button type="button" className={`${styles.button} ${className ?? ""}`} data-tone={tone} {...rest}>
      {icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  /** Shown after the name in the tooltip. */
  keys?: string;
  pressed?: boolean;
}

export function IconButton({ label, keys, pressed, className, children, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className={`${styles.icon} ${className ?? ""}`}
      aria-label={label}
      aria-pressed={pressed}
      title={keys ? `${label} (${keys})` : label}
      {...rest}
    >
      {children}
    </button>
  );
}
